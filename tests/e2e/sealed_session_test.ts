/** A session of a sealed model is one as any other, and survives what an open one does. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import {
  MemoryBlobStore,
  MemoryKeyStore,
  OfflineQueue,
} from "@cipherlayer/sdk";
import { SealedModel } from "../../functions/rounds/sealed/sealed_model.ts";
import { garbledBytes } from "../../sdk/garbling/rounds/run.ts";
import { sum } from "../../sdk/support/numbers.ts";
import { expired, sealingKey, startCloud } from "../support/cloud.ts";
import {
  labels,
  model,
  openSealed,
  sampleOf,
} from "../support/sealed_session.ts";
import { testKey } from "../vectors/keys.ts";

const budget = labels(Infinity);
const { rounds } = model.manifest;
/** Bytes of tables, round by round. */
const garbled = new SealedModel(model, { modulusBits: 512, samples: 1 })
  .rounds.map(({ stages }) => garbledBytes(stages));
const pathOf = (target: RequestInfo | URL) => new URL(`${target}`).pathname;

Deno.test("a sealed session", async (t) => {
  await using cloud = startCloud([model], { budget });
  const keys = new MemoryKeyStore();
  await keys.save(testKey(512));
  const requests: Uint8Array[] = [], aborting = new AbortController();
  let aborts = false;
  await using session = await openSealed(cloud.url, {
    keys,
    fetch: async (target, init) => {
      requests.push(init!.body as Uint8Array);
      if (aborts && pathOf(target).endsWith("activations/0")) {
        aborts = false;
        aborting.abort("enough");
      }
      return await fetch(target, init);
    },
  });

  await t.step(
    "tells in states, rounds, report and leakage what sealed means",
    async () => {
      const states: string[] = [], told: number[] = [];
      session.addEventListener(
        "state",
        ({ detail }) => states.push(detail.state),
      );
      session.addEventListener(
        "round",
        ({ detail }) => told.push(detail.round),
      );
      const { reading, label } = sampleOf(1);
      const answer = await session.infer(reading);
      equal(answer.predicted, label);
      deepEqual([answer.scores, answer.outputs], [null, null]);
      deepEqual(told, [0, 1, 2]);
      const round = ["encrypting", "evaluating", "decrypting", "activating"];
      deepEqual(states, [
        ...rounds.flatMap(() => round),
        "ready",
      ]);
      equal(answer.rounds.length, rounds.length);
      equal(
        answer.bytesDown,
        sum(answer.rounds.map(({ bytesDown }) => bytesDown)),
      );
      // Set-up came when the session began; garbled tables are counted.
      ok(answer.bytesUp < 71_208);
      garbled.forEach((bytes, i) =>
        ok(answer.rounds[i].bytesDown > bytes && bytes > 0)
      );
      const { gateway, cloud: { bits } } = answer.leakage;
      const numbers = sum(answer.rounds.map((round) => round.ciphertextsDown));
      equal(
        gateway.learns[0],
        `${numbers} uniform numbers and the label: at most 2 bits`,
      );
      deepEqual([bits, gateway.answerBits, gateway.boundBits], [0, 2, 2]);
      await session.whenPrepared();
    },
  );

  await t.step(
    "lives on after an abort, and uses no transfer twice",
    async () => {
      requests.length = 0;
      aborts = true;
      const { signal } = aborting, { reading, label } = sampleOf(7);
      await rejects(
        session.infer(reading, { signal }),
        (reason) => reason === "enough",
      );
      equal((await session.infer(reading)).predicted, label);
      equal(new Set(requests.map(String)).size, requests.length);
    },
  );

  await t.step("infers readings that waited in an offline queue", async () => {
    const store = new MemoryBlobStore();
    await using queue = await OfflineQueue.open({ store, keys });
    const samples = [2, 3].map((seed) => sampleOf(seed));
    for (const { reading } of samples) await queue.add(reading);
    const predicted: (number | undefined)[] = [];
    for await (const { answer } of queue.process(session)) {
      predicted.push(answer?.predicted);
    }
    deepEqual(predicted, samples.map(({ label }) => label));
  });
});

Deno.test("many readings: batches of `samples`, the last one padded, answers in order; each sample costs a label", async () => {
  await using cloud = startCloud([model], { budget: labels(5) });
  await using session = await openSealed(cloud.url, {
    samples: 2,
    retry: () => null,
  });
  const samples = [1, 2, 3].map((seed) => sampleOf(seed));
  const answers = await session.inferMany(
    samples.map(({ reading }) => reading),
  );
  deepEqual(
    answers.map(({ predicted }) => predicted),
    samples.map(({ label }) => label),
  );
  await rejects(session.infer(samples[0].reading), {
    code: "budget-exceeded",
    message: /budget/,
  });
});

Deno.test("an inference goes on at its round after its server was stopped and started again", async () => {
  let cloud = startCloud([model], { budget });
  const { port } = cloud;
  const paths: string[] = [];
  await using session = await openSealed(cloud.url, {
    fetch: async (target, init) => {
      const path = pathOf(target);
      paths.push(path);
      if (path.endsWith("activations/1") && paths.at(-2) !== path) {
        await cloud.stop();
        cloud = startCloud([model], { budget, port });
        throw new TypeError("connection reset");
      }
      return await fetch(target, init);
    },
  });
  const { reading, label } = sampleOf(4);
  equal((await session.infer(reading)).predicted, label);
  equal(paths.filter((path) => path.endsWith("rounds/0")).length, 1);
  equal(paths.filter((path) => path.endsWith("activations/1")).length, 2);
  await cloud.stop();
});

Deno.test("a token that expires mid-inference leads to one new session on the same transfers and the answer", async () => {
  let expires = true;
  await using cloud = startCloud([model], {
    budget,
    intercept({ url }) {
      if (!expires || !url.endsWith("activations/1")) return;
      expires = false;
      return expired();
    },
  });
  await using session = await openSealed(cloud.url);
  const { reading, label } = sampleOf(5);
  equal((await session.infer(reading)).predicted, label);
  const count = (end: string) =>
    cloud.calls.filter((path) => path.endsWith(end)).length;
  deepEqual([count("/sessions"), count("/transfers")], [2, 1]);
});

Deno.test("sessions begun under the previous sealing key go on, those under others begin anew", async () => {
  const { port, url, stop } = startCloud([model], { budget });
  await using session = await openSealed(url);
  const { reading, label } = sampleOf(6);
  equal((await session.infer(reading)).predicted, label);
  await stop();
  const other = new Uint8Array(32).fill(8);
  {
    await using cloud = startCloud([model], {
      budget,
      port,
      sealingKey: other,
      previousSealingKeys: [sealingKey],
    });
    equal((await session.infer(reading)).predicted, label);
    ok(!cloud.calls.some((path) => /sessions|transfers/.test(path)));
  }
  await using cloud = startCloud([model], { budget, port, sealingKey: other });
  equal((await session.infer(reading)).predicted, label);
  const count = (end: string) =>
    cloud.calls.filter((path) => path.endsWith(end)).length;
  // Transfers are of the key that is gone.
  deepEqual([count("/sessions"), count("/transfers")], [1, 1]);
});

Deno.test("a pinned contract, one kept beside the key, and a pace are those of any session", async () => {
  await using cloud = startCloud([model], { budget });
  const keys = new MemoryKeyStore();
  await keys.save(testKey(512));
  const waits: number[] = [];
  let contract: string;
  {
    await using session = await openSealed(cloud.url, {
      keys,
      paceMs: 50,
      clock: {
        now: () => performance.now(),
        wait: (delayMs) => Promise.resolve(void waits.push(delayMs)),
      },
    });
    ({ contract } = session);
    equal(await keys.contracts.read(session.model), contract);
    await session.infer(sampleOf(1).reading);
  }
  // Two calls a round, each at the next moment of the grid.
  equal(waits.length, 2 * rounds.length);
  ok(waits.every((delayMs) => delayMs >= 0 && delayMs <= 50));
  await openSealed(cloud.url, { contract }).then((session) => session.close());
  await rejects(
    openSealed(cloud.url, { contract: `sha256:${"0".repeat(64)}` }),
    { code: "contract-changed" },
  );
});
