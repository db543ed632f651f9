/**
 * Whole encrypted inferences against each host, started as operators start it:
 * Deno, Node (ignored without version 20) and workerd (ignored on platforms that
 * its npm package has no program for).
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { tokenDigest } from "../../../functions/access/bearer_token.ts";
import { Settings } from "../../../functions/settings/settings.ts";
import { workerdPath } from "../../../functions/hosts/workerd_path.ts";
import {
  readPackage,
  writePackage,
} from "../../../models/package/read_package.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import { planInference } from "../../../models/planner/plan.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { selectKernel } from "../../../sdk/paillier/public/select_kernel.ts";
import {
  decodeRoundRequest,
  encodeRoundRequest,
} from "../../../sdk/wire/codec.ts";
import { connect } from "../../../sdk/session/session.ts";
import { randomReading } from "../../reference/tiny_models.ts";
import { nodeMajor } from "../../runtimes/processes.ts";
import { testKey } from "../../vectors/keys.ts";
import {
  type StartedHost,
  startHost,
  type TestedHost,
} from "../../support/started_host.ts";
import { realReading } from "../../../sdk/fixed_point/quantise.ts";

/** A trained model. */
function zooModel(name: string): Promise<ModelPackage> {
  const place = new URL(`../../../models/zoo/${name}/package`, import.meta.url);
  return readPackage(fileURLToPath(place));
}

/** The same network, its scores told without noise. */
function scoring({ manifest, tensors }: ModelPackage): ModelPackage {
  const name = `${manifest.name}-scores`;
  return {
    manifest: { ...manifest, name, privacy: "paper", reveal: "scores" },
    tensors,
  };
}

const occupancy = await zooModel("occupancy");
const occupancyScores = scoring(occupancy);
const applianceScores = scoring(await zooModel("appliance"));

const ignored: Record<TestedHost, boolean> = {
  deno: false,
  deploy: false,
  node: await nodeMajor() < 20,
  workerd: await workerdPath().then(() => false, (error) => {
    console.error(`workerd is not tested: ${error.message}`);
    return true;
  }),
};

async function withModels(
  models: ModelPackage[],
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const model of models) {
      await writePackage(`${folder}/${model.manifest.name}`, model);
    }
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Of a few readings the one for each class that is decided most clearly: noise
 * below the rounding step, which a model may ask for, changes no label of these.
 */
function clearReadings(model: ModelPackage): Float64Array[] {
  const clearest: { reading: Float64Array; margin: number }[] = [];
  for (let seed = 0; seed < 50; seed++) {
    const reading = randomReading(model, seed);
    const { integers } = simulate(model, reading);
    const [first, second] = integers.toSorted().reverse();
    const label = integers.indexOf(first);
    const margin = first - second;
    if (margin > (clearest[label]?.margin ?? 0)) {
      clearest[label] = { reading, margin };
    }
  }
  assert.equal(
    Object.keys(clearest).length,
    model.manifest.outputs[0].shape[0],
  );
  return clearest.map(({ reading }) => reading);
}

/** Answers for the model's readings equal the simulator's. */
async function checkInferences(
  { url }: StartedHost,
  model: ModelPackage,
  keyBits: 512 | 2048,
): Promise<void> {
  using owner = new PaillierEngine(testKey(keyBits));
  const { name, inputs, reveal } = model.manifest;
  await using session = await connect({ url, model: name, keys: owner });
  for (const integers of clearReadings(model)) {
    const reading = realReading(integers, inputs);
    const answer = await session.infer(reading);
    const { scores: expected } = simulate(model, integers);
    assert.equal(answer.predicted, expected.indexOf(Math.max(...expected)));
    assert.deepEqual(
      answer.scores,
      reveal === "label" ? null : Array.from(expected),
    );
  }
}

/** Tokens of the last round are good for one request, however it arrives. */
async function checkSingleUse(
  { url }: StartedHost,
  { manifest }: ModelPackage,
): Promise<void> {
  using owner = new PaillierEngine(testKey(512));
  const bodies: [url: string, body: Uint8Array<ArrayBuffer>][] = [];
  await using session = await connect({
    url,
    model: manifest.name,
    keys: owner,
    fetch: (input, init) => {
      const request = new Request(input, init);
      const body = init!.body as Uint8Array<ArrayBuffer>;
      bodies.push([request.url, body.slice()]);
      return fetch(request);
    },
  });
  const reading = realReading(
    new Float64Array(manifest.inputs[0].shape[0]),
    manifest.inputs,
  );
  const last: typeof bodies = [];
  for (let inference = 0; inference < 2; inference++) {
    await session.infer(reading);
    last.push(bodies.at(-1)!);
  }
  const [path, first] = last[0];
  const post = (body: Uint8Array<ArrayBuffer>) =>
    fetch(path, {
      method: "POST",
      headers: { "content-type": "application/cbor" },
      body,
    });
  const { token } = decodeRoundRequest(first);
  const { ciphertexts } = decodeRoundRequest(last[1][1]);
  const other = encodeRoundRequest({ token, ciphertexts });
  // Threads and objects of the host: whoever answers must know.
  for (let attempt = 0; attempt < 4; attempt++) {
    const refused = await post(other.slice());
    assert.equal((await refused.json()).code, "token-spent");
    const again = await post(first);
    assert.equal(again.status, 200);
    await again.body?.cancel();
  }
}

/** Threads take their time to start; what else speaks against a host fails at once. */
async function untilReady({ url }: StartedHost): Promise<void> {
  for (;;) {
    const { ready, reasons } = await (await fetch(`${url}/readyz`)).json();
    if (ready) return;
    assert.deepEqual(reasons, ["a thread does not answer"]);
  }
}

/** What Deno keeps besides, in memory here. */
const kv = { CIPHERLAYER_STATE: "kv::memory:" };

for (const host of ["deno", "deploy", "node", "workerd"] as const) {
  Deno.test({
    name: `${host} serves whole inferences, equal to the simulator's`,
    ignore: ignored[host],
    fn: () =>
      withModels([occupancy, occupancyScores], async (models) => {
        const env = host.startsWith("de") ? kv : {};
        await using started = await startHost(host, models, env);
        await untilReady(started);
        await checkInferences(started, occupancyScores, 512);
        await checkInferences(started, occupancy, 2048);
        await checkSingleUse(started, occupancy);
        // The processor is the same for all, so the kernel must be too.
        const slow = selectKernel().name === "bigint";
        assert.equal(/bigint/i.test(started.log()), slow, started.log());
        assert.doesNotMatch(started.log(), /error/i);
      }),
  });
}

Deno.test({
  name:
    "workerd within 5 ms a call: rounds are split, many calls at once, answers stay the same",
  ignore: ignored.workerd,
  fn: () =>
    withModels([applianceScores], async (models) => {
      await using started = await startHost("workerd", models, {
        CIPHERLAYER_MAX_MS_PER_CALL: "5",
      });
      using owner = new PaillierEngine(testKey(512));
      const { name, inputs } = applianceScores.manifest;
      const { url } = started;
      await using session = await connect({ url, model: name, keys: owner });
      const unlimited = planInference(applianceScores.manifest, {
        modulusBits: 512,
        samples: 1,
        tensors: applianceScores.tensors,
      });
      const shards = session.plan.rounds.map(({ shards }, i) => [
        unlimited.rounds[i].shards,
        shards,
      ]);
      assert(shards.every(([before, now]) => now >= before));
      assert(shards.some(([before, now]) => now > before), `${shards}`);
      const readings = [1, 2, 3].map((seed) =>
        randomReading(applianceScores, seed)
      );
      const answers = await Promise.all(
        readings.map((integers) =>
          session.infer(realReading(integers, inputs))
        ),
      );
      answers.forEach(({ scores }, i) =>
        assert.deepEqual(
          scores,
          Array.from(simulate(applianceScores, readings[i]).scores),
        )
      );
      // Retries would hide a call that the platform took for one that hangs.
      assert.doesNotMatch(started.log(), /error/i);
    }),
});

Deno.test({
  name: "node counts calls of each address",
  // Elsewhere than on Linux 127.0.0.2 is no address of the machine.
  ignore: ignored.node || Deno.build.os !== "linux",
  fn: () =>
    withModels([occupancy], async (models) => {
      await using started = await startHost("node", models, {
        CIPHERLAYER_SESSIONS_PER_MINUTE: "1",
        CIPHERLAYER_CALLS_PER_MINUTE: "1000",
        CIPHERLAYER_THREADS: "1",
      });
      const startFrom = async (localAddress: string) => {
        using client = Deno.createHttpClient({ localAddress });
        const response = await fetch(`${started.url}/v1/sessions`, {
          method: "POST",
          client,
        });
        return (await response.json()).code;
      };
      // Sessions of no form count, too; a minute may end in between.
      const codes = [];
      for (let i = 0; i < 3; i++) codes.push(await startFrom("127.0.0.1"));
      assert(codes.includes("rate-limited"), `${codes}`);
      assert.equal(await startFrom("127.0.0.2"), "malformed");
    }),
});

Deno.test({
  name: "node takes who may call from a file",
  ignore: ignored.node,
  fn: () =>
    withModels([occupancy], async (models) => {
      const entry = {
        account: "plant",
        roles: ["client"],
        models: "all",
        sha256: tokenDigest("plants-token"),
      };
      const path = `${models}/access.jsonl`;
      await Deno.writeTextFile(path, `${JSON.stringify(entry)}\n`);
      await using started = await startHost("node", models, {
        CIPHERLAYER_ACCESS: path,
        CIPHERLAYER_THREADS: "2",
      });
      const { url } = started;
      const { name, inputs } = occupancy.manifest;
      using keys = new PaillierEngine(testKey(512));
      await assert.rejects(
        connect({ url, model: name, keys, token: "a-guess" }),
        { code: "unauthenticated" },
      );
      const token = "plants-token";
      await using session = await connect({ url, model: name, keys, token });
      await session.infer(realReading(new Float64Array(4), inputs));
    }),
});

Deno.test({
  name: "a host refuses settings that it cannot keep",
  ignore: ignored.node,
  fn: () =>
    withModels([], async (models) => {
      await assert.rejects(
        startHost("node", models, { CIPHERLAYER_BUDGET_PER_DAY: "9" }),
        /Cannot start: budgets need a database in CIPHERLAYER_STATE/,
      );
      const names = [
        "CIPHERLAYER_CALLS_AT_ONCE",
        "CIPHERLAYER_CALLS_PER_MINUTE",
      ];
      const variables = Object.fromEntries(names.map((name) => [name, "9"]));
      assert.throws(
        () => new Settings(variables, "workerd"),
        new RangeError(
          `Cannot start: ${names.join(", ")} cannot be kept on workerd`,
        ),
      );
      new Settings(variables, "node");
    }),
});

Deno.test("a fault at the start is a sentence", () =>
  withModels([], async (models) => {
    for (
      const [name, value] of [
        ["CIPHERLAYER_THREADS", "many"],
        ["CIPHERLAYER_TREADS", "2"],
        ["TLS_CERT", "chain.pem"],
      ]
    ) {
      await assert.rejects(
        startHost("deno", models, { ...kv, [name]: value }),
        /^Error: deno ended: error: Cannot [^\n]+\n$/,
      );
    }
  }));
