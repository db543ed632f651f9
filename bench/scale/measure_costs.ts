/**
 * Measures the costs of LeNet that the simulation of scale starts from:
 * `deno run -A bench/scale/measure_costs.ts > bench/scale/costs.json`. Requests of
 * a real inference are kept and sent again one by one. Everything is processor time on
 * one core, which others on the machine disturb less than a clock; of a process's start,
 * the least of some.
 *
 * @module
 */
import { keysCounted } from "../../functions/rounds/privacy/bank_cache.ts";
import { baseCount } from "../../functions/rounds/privacy/key_bases.ts";
import {
  bankBytes,
  bankGroups,
} from "../../functions/rounds/privacy/randomisers.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { generatePrivateKey } from "../../sdk/paillier/private/key_generation.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { sum } from "../../sdk/support/numbers.ts";
import { connect } from "../../sdk/session/session.ts";
import type { Answer } from "../../sdk/session/answer.ts";
import {
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../shared/functions_process.ts";
import { benchKey } from "../shared/keys.ts";
import { describeMachine } from "../../cli/output/machine.ts";
import { processFigures } from "../load/process_figures.ts";
import type { Costs } from "./costs.ts";

const keyBits = 2048;
const turns = 10;
const starts = 3;
const encryptions = 2000;
const decryptions = 200;

interface Call {
  path: string;
  body: Uint8Array<ArrayBuffer>;
}

/** What the gateway's own work takes on one core, for one ciphertext. */
async function gatewayMs(key: PrivateKey) {
  using owner = new PaillierEngine(key, { threads: 0 });
  await owner.fillPool(encryptions);
  const each = async (count: number, work: () => Promise<unknown>) => {
    const before = await cpuSeconds(Deno.pid);
    await work();
    return 1000 * (await cpuSeconds(Deno.pid) - before) / count;
  };
  const numbers = Array.from({ length: encryptions }, (_, i) => BigInt(i));
  let ciphertexts: Uint8Array = new Uint8Array();
  const encrypt = await each(encryptions, async () => {
    ciphertexts = await owner.encryptBatch(numbers);
  });
  const part = ciphertexts.subarray(
    0,
    decryptions * owner.publicKey.ciphertextBytes,
  );
  const decrypt = await each(decryptions, () => owner.decryptBatch(part));
  return { encrypt, decrypt };
}

/** The calls of one inference of a new session, and its answer. */
async function capture(
  url: string,
  key: PrivateKey,
  reading: Float64Array,
): Promise<{ calls: Call[]; answer: Answer }> {
  const calls: Call[] = [];
  using owner = new PaillierEngine(key);
  await using session = await connect({
    url,
    model: "lenet-mnist",
    keys: owner,
    fetch: (target, init) => {
      const { pathname, search } = new URL(`${target}`);
      calls.push({
        path: pathname + search,
        body: (init!.body as Uint8Array<ArrayBuffer>).slice(),
      });
      return fetch(target, init);
    },
  });
  return { calls, answer: await session.infer(reading) };
}

async function send(url: string, { path, body }: Call): Promise<void> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body,
  });
  if (!response.ok) throw new Error(await response.text());
  await response.bytes();
}

async function cpuSeconds(pid: number): Promise<number> {
  const figures = await processFigures(pid);
  if (figures === null) throw new Error("CPU time is read from /proc: Linux");
  return figures.cpuSeconds;
}

async function main(): Promise<Costs> {
  const machine = describeMachine();
  const { manifest } = await readPackage(lenetFolder);
  const pixels = manifest.inputs[0].shape.reduce((size, extent) =>
    size * extent
  );
  const reading = new Float64Array(pixels).fill(0.5);
  const options = {
    models: zooFolder,
    threads: 1,
    environment: { CIPHERLAYER_SESSIONS_PER_MINUTE: "100000" },
  };
  const [first, second] = [
    benchKey(keyBits),
    await generatePrivateKey(keyBits),
  ];
  const captured = [];
  {
    await using functions = await startFunctions(options);
    for (const key of [first, second]) {
      captured.push(await capture(functions.url, key, reading));
    }
  }
  const processMs: number[] = [];
  for (let i = 0; i < starts; i++) {
    await using functions = await startFunctions(options);
    processMs.push(1000 * await cpuSeconds(functions.pid));
  }
  const gateway = await gatewayMs(first);
  await using functions = await startFunctions(options);
  const [{ calls, answer }, other] = captured;
  /** Processor time of the functions for `times` calls, each. */
  const cpuMs = async (call: Call, times = turns) => {
    const before = await cpuSeconds(functions.pid);
    for (let i = 0; i < times; i++) await send(functions.url, call);
    return 1000 * (await cpuSeconds(functions.pid) - before) / times;
  };
  const rounds = calls.filter(({ path }) => path.includes("/rounds/"));
  const otherRounds = other.calls.filter(({ path }) =>
    path.includes("/rounds/")
  );
  /** All rounds of an inference, one after another. */
  const passMs = async (rounds: Call[]) => {
    const each: number[] = [];
    for (const call of rounds) each.push(await cpuMs(call, 1));
    return sum(each);
  };
  // The first use of the model, without tables; another key, without tables; the same
  // key again, whose tables are made by its first call; and with tables.
  const firstMs = await passMs(rounds);
  const withoutMs = await passMs(otherRounds);
  const makingMs = await passMs(otherRounds);
  const warmMs = new Map<Call, number>();
  for (const call of otherRounds) warmMs.set(call, await cpuMs(call));
  const sessionMs = await cpuMs(
    calls.find(({ path }) => path.endsWith("/sessions"))!,
  );
  const warm = sum([...warmMs.values()]);
  const answers = sum(answer.rounds.map((report) => report.ciphertextsDown));
  const groups = bankGroups(answers, keyBits);
  const round = (value: number) => Number(value.toFixed(2));
  return {
    model: "lenet-mnist",
    keyBits,
    measured: `${
      new Date().toISOString().slice(0, 10)
    }, ${machine.cpu}, one core of ${machine.cores}, load of others ${machine.load}`,
    rounds: answer.rounds.map((report, index) => {
      const shards = otherRounds.filter(({ path }) =>
        path.includes(`/rounds/${index}?`)
      );
      return {
        shards: shards.length,
        callMs: round(
          sum(shards.map((call) => warmMs.get(call)!)) / shards.length,
        ),
        answers: report.ciphertextsDown,
        bytesUp: report.bytesUp,
        bytesDown: report.bytesDown,
        encryptMs: round(report.ciphertextsUp * gateway.encrypt),
        decryptMs: round(report.ciphertextsDown * gateway.decrypt),
      };
    }),
    sessionMs: round(sessionMs),
    directMs: round((withoutMs - warm) / answers),
    firstAnswers: baseCount(keyBits),
    keysCounted,
    bankMs: round(makingMs - warm),
    bankBytes: bankBytes(selectKernel(), groups, keyBits),
    processMs: round(Math.min(...processMs)),
    modelMs: round(Math.max(0, firstMs - withoutMs)),
    // LeNet reveals scores; one that reveals labels spends a token an inference.
    writes: 1,
  };
}

if (import.meta.main) console.log(JSON.stringify(await main(), null, 2));
