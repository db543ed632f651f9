import { deepEqual, equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { simulate } from "../../../models/simulate/simulate.ts";
import { FileBlobStore } from "../../../sdk/blobs/blob_store_file.ts";
import { FileKeyStore } from "../../../sdk/keys/key_store_file.ts";
import { OfflineQueue } from "../../../sdk/queue/offline_queue.ts";
import type { QueuedOutcome } from "../../../sdk/queue/queue_options.ts";
import { connect } from "../../../sdk/session/session.ts";
import { startCloud } from "../../support/cloud.ts";
import { randomReading, tinyDense } from "../../reference/tiny_models.ts";
import { testKey } from "../../vectors/keys.ts";
import type { GatewayTask } from "./offline_gateway_process.ts";

const model = tinyDense();
const [{ scale: [scale] }] = model.manifest.inputs;
const seeds = [1, 2, 3];
const readings = seeds.map((seed) =>
  Array.from(randomReading(model, seed), (integer) => integer * scale)
);
const expected = seeds.map((seed) =>
  Array.from(simulate(model, randomReading(model, seed)).scores)
);
const passphrase = "a passphrase, tested";
const program = fileURLToPath(
  new URL("./offline_gateway_process.ts", import.meta.url),
);
const ignore = Deno.build.os === "windows";

interface Line {
  what: string;
  detail: unknown;
}

function startGateway(task: GatewayTask): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, JSON.stringify(task)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** What the gateway tells, line by line, to its end. */
async function* linesOf(gateway: Deno.ChildProcess): AsyncGenerator<Line> {
  let rest = "";
  for await (
    const text of gateway.stdout.pipeThrough(new TextDecoderStream())
  ) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const at = line.indexOf(" ");
      yield {
        what: line.slice(0, at),
        detail: JSON.parse(line.slice(at + 1)),
      };
    }
  }
}

/** Runs the gateway until it ends or dies. */
async function runGateway(
  task: GatewayTask,
): Promise<{ ended: boolean; lines: Line[] }> {
  const gateway = startGateway(task);
  const lines = await Array.fromAsync(linesOf(gateway));
  const { success, signal } = await gateway.status;
  ok(success || signal === "SIGKILL", `exit by ${signal}`);
  return { ended: success, lines };
}

async function inFolder(run: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await keysIn(folder).save(testKey(512));
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function keysIn(folder: string): FileKeyStore {
  return new FileKeyStore(`${folder}/key`, passphrase, { cost: 1 << 10 });
}

function queueIn(folder: string): Promise<OfflineQueue> {
  return OfflineQueue.open({
    store: new FileBlobStore(`${folder}/queue`),
    keys: keysIn(folder),
  });
}

/** Every reading has one outcome, the right one, in order, however often it was told. */
function checkOutcomes(lines: Line[]): void {
  const told = lines.filter(({ what }) => what === "outcome")
    .map(({ detail }) => detail as QueuedOutcome);
  const first = new Map<number, QueuedOutcome>();
  for (const outcome of told) {
    const before = first.get(outcome.id);
    // The same to the last measured time: it was recorded once.
    if (before) deepEqual(outcome, before);
    else first.set(outcome.id, outcome);
  }
  deepEqual([...first.keys()], [0, 1, 2]);
  deepEqual(
    [...first.values()].map((outcome) =>
      outcome.answer && outcome.answer.scores
    ),
    expected,
  );
}

Deno.test({
  name: "keeps every accepted reading when killed at any step of queuing",
  ignore,
  async fn() {
    await using cloud = startCloud([model]);
    const cloudTask = { url: cloud.url, model: model.manifest.name };
    await using session = await connect({ ...cloudTask, keys: testKey(512) });
    for (let step = 0, ended = false; !ended; step++) {
      ok(step < 60, "queuing never ends");
      await inFolder(async (folder) => {
        const run = await runGateway({
          folder,
          passphrase,
          readings: readings.slice(0, 2),
          step,
        });
        ended = run.ended;
        await using queue = await queueIn(folder);
        const taken = run.lines.length;
        // One more may have reached the disk before it could be told.
        ok(queue.waiting === taken || queue.waiting === taken + 1);
        const answers: unknown[] = [];
        for await (const outcome of queue.process(session)) {
          answers.push(outcome.answer && outcome.answer.scores);
        }
        deepEqual(answers, expected.slice(0, answers.length));
        ok(answers.length >= taken);
        if (ended) ok(step > 12, `only ${step} steps were tried`);
      });
    }
  },
});

Deno.test({
  name:
    "gives each reading one outcome when killed again and again while answering",
  ignore,
  async fn() {
    await using cloud = startCloud([model]);
    await inFolder(async (folder) => {
      {
        await using queue = await queueIn(folder);
        for (const reading of readings) await queue.add(reading);
      }
      const lines: Line[] = [];
      let step = 0;
      for (let ended = false; !ended; step++) {
        ok(step < 60, "answering never ends");
        const run = await runGateway({
          folder,
          passphrase,
          readings: [],
          cloud: { url: cloud.url, model: model.manifest.name },
          step,
        });
        lines.push(...run.lines);
        ended = run.ended;
      }
      checkOutcomes(lines);
      ok(step > 5, `died only ${step} times`);
      await using queue = await queueIn(folder);
      equal(queue.waiting, 0);
    });
  },
});

Deno.test({
  name:
    "answers all readings after the gateway died and the connection was cut",
  ignore,
  async fn() {
    const asked = Promise.withResolvers<void>();
    const dead = Promise.withResolvers<void>();
    let inferences = 0;
    let cloud = startCloud([model], {
      intercept: async ({ url }) => {
        if (!url.includes("/rounds/1") || ++inferences < 2) return undefined;
        asked.resolve();
        await dead.promise;
        return new Response(null, { status: 503 }); // Nobody hears it.
      },
    });
    const { port, url } = cloud;
    await inFolder(async (folder) => {
      const task: GatewayTask = {
        folder,
        passphrase,
        readings,
        cloud: { url, model: model.manifest.name },
      };
      const gateway = startGateway(task);
      const lines = Array.fromAsync(linesOf(gateway));
      await asked.promise;
      gateway.kill("SIGKILL");
      await gateway.status;
      const told = await lines;
      deepEqual(
        told.map(({ what }) => what),
        ["queued", "queued", "queued", "outcome"],
      );
      dead.resolve();
      await cloud.stop();

      const restarted = startGateway({ ...task, readings: [] });
      let retries = 0;
      for await (const line of linesOf(restarted)) {
        if (line.what === "retry" && retries++ === 0) {
          cloud = startCloud([model], { port });
        }
        told.push(line);
      }
      ok((await restarted.status).success);
      ok(retries > 0);
      checkOutcomes(told);
      await using queue = await queueIn(folder);
      equal(queue.waiting, 0);
    });
    await cloud.stop();
  },
});
