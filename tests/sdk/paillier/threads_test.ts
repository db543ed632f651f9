import assert from "node:assert/strict";
import { Worker as NodeWorker } from "node:worker_threads";
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../../sdk/paillier/public/big_integer.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { selectKernel } from "../../../sdk/paillier/public/select_kernel.ts";
import { WorkerPool } from "../../../sdk/paillier/workers/worker_pool.ts";
import type { StartWorker } from "../../../sdk/paillier/workers/worker_port.ts";
import { multiPrimeKey, testKey } from "../../vectors/keys.ts";

const key = testKey(512);
const large = multiPrimeKey(2048);
const open = {
  kind: "open",
  primes: key.exportPrimes(),
  kernelName: selectKernel().name,
  tableWindowBits: 4,
} as const;

function ciphertextOf(plaintext: bigint): Uint8Array {
  return bytesFromBigInt(key.publicKey.encrypt(plaintext), 128);
}

/** A thread that runs this program instead of ours. */
function threadOf(program: string): StartWorker {
  return (events) => {
    const worker = new NodeWorker(program, { eval: true });
    worker.on("message", (reply) => events.reply(reply));
    worker.on("error", () => events.failed());
    worker.on("exit", () => events.failed());
    return {
      post: (request) => worker.postMessage(request),
      keepAlive: () => {},
      terminate: () => void worker.terminate(),
    };
  };
}

Deno.test("threads answer every task in its place", async () => {
  using pool = new WorkerPool(2, open);
  assert.equal(pool.threads, 0);
  await pool.started;
  assert.equal(pool.threads, 2);
  const tasks = Array.from({ length: 9 }, (_, i) => ({
    kind: "decrypt" as const,
    ciphertexts: [ciphertextOf(BigInt(i)), ciphertextOf(100n)],
  }));
  const [first, second] = await Promise.all([
    pool.run(tasks),
    pool.run(tasks.slice(0, 3)),
  ]);
  assert.deepEqual(first, tasks.map((_, i) => [BigInt(i), 100n]));
  assert.deepEqual(second, first?.slice(0, 3));

  const drawn = await pool.run([
    { kind: "randomisers", count: 20 },
    { kind: "randomisers", count: 20 },
  ]);
  const values = drawn!.flat();
  assert.equal(values.length, 80);
  const { modulus } = key.publicKey;
  const zeros = new Set<bigint>();
  for (let i = 0; i < values.length; i += 2) {
    zeros.add(values[i] + values[i + 1] * modulus);
  }
  assert.equal(zeros.size, 40);
  for (const zero of zeros) assert.equal(key.decrypt(zero), 0n);
});

Deno.test("an engine's batches are the same on threads", async () => {
  using owner = new PaillierEngine(large, { threads: 2, tableWindowBits: 4 });
  await owner.prepare();
  assert.equal(owner.threads, 2);
  const { modulus } = large.publicKey;
  const plaintexts = Array.from(
    { length: 61 },
    (_, i) => modulus / BigInt(i + 1) - 1n,
  );
  await owner.fillPool(10);
  assert.equal(owner.pooled, 10);
  const ciphertexts = await owner.encryptBatch(plaintexts);
  assert.equal(owner.pooled, 0);
  assert.equal(
    large.decrypt(bigIntFromBytes(ciphertexts.subarray(60 * 512))),
    plaintexts[60],
  );
  assert.deepEqual(await owner.decryptBatch(ciphertexts), plaintexts);
});

Deno.test("a large batch starts the threads, which later ones use", async () => {
  using owner = new PaillierEngine(large, { threads: 2, tableWindowBits: 4 });
  const one = bytesFromBigInt(large.publicKey.encrypt(1n), 512);
  const count = 120;
  const many = new Uint8Array(count * 512);
  for (let i = 0; i < count; i++) many.set(one, i * 512);
  assert.equal(owner.threads, 0);
  while (owner.threads === 0) {
    assert.deepEqual(await owner.decryptBatch(many), Array(count).fill(1n));
  }
  assert.deepEqual(await owner.decryptBatch(many), Array(count).fill(1n));
});

Deno.test("keeps the work on this thread with a custom random source, a custom kernel or threads: 0", async () => {
  const random = (length: number) =>
    crypto.getRandomValues(new Uint8Array(length));
  for (
    const options of [{ random }, { kernel: selectKernel() }, { threads: 0 }]
  ) {
    using owner = new PaillierEngine(key, options);
    await owner.prepare();
    assert.equal(owner.threads, 0);
  }
});

Deno.test("a running batch stops when its signal aborts or its engine closes", async () => {
  const owner = new PaillierEngine(large, { threads: 2, tableWindowBits: 4 });
  await owner.prepare();
  const controller = new AbortController();
  const aborted = owner.fillPool(5000, { signal: controller.signal });
  while (owner.pooled < 20) await new Promise((done) => setTimeout(done, 1));
  controller.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  // What was drawn until then is not lost.
  assert.ok(20 <= owner.pooled && owner.pooled < 5000);
  const ended = owner.fillPool(5000);
  owner[Symbol.dispose]();
  await assert.rejects(ended, /disposed/);
  assert.equal(owner.threads, 0);
});

const failing: Record<string, StartWorker> = {
  "are not to be had": () => null,
  "are refused": () => {
    throw new Error("refused");
  },
  "end at once": threadOf(""),
  "fail at once": threadOf("throw new Error('broken')"),
  "cannot open the key": threadOf(`
    const { parentPort } = require("node:worker_threads");
    parentPort.on("message", ({ id }) => parentPort.postMessage({ id, values: null }));
  `),
};
for (const [fault, start] of Object.entries(failing)) {
  Deno.test(`threads that ${fault} answer nothing`, async () => {
    using pool = new WorkerPool(2, open, start);
    await pool.started;
    assert.equal(pool.threads, 0);
    assert.equal(await pool.run([{ kind: "randomisers", count: 1 }]), null);
  });
}

Deno.test("a thread that ends in the middle gives its tasks back", async () => {
  const start = threadOf(`
    const { parentPort } = require("node:worker_threads");
    let seen = 0;
    parentPort.on("message", ({ id }) => {
      if (++seen === 3) process.exit();
      parentPort.postMessage({ id, values: [] });
    });
  `);
  using pool = new WorkerPool(1, open, start);
  await pool.started;
  assert.equal(pool.threads, 1);
  const task = { kind: "randomisers", count: 1 } as const;
  assert.equal(await pool.run([task, task, task]), null);
  assert.equal(pool.threads, 0);
});

Deno.test("threads let the process end", async () => {
  const module = (path: string) => new URL(path, import.meta.url).href;
  const program = `
    import { PaillierEngine } from "${
    module("../../../sdk/paillier/private/paillier_engine.ts")
  }";
    import { testKey } from "${module("../../vectors/keys.ts")}";
    const owner = new PaillierEngine(testKey(512), { threads: 2 });
    await owner.prepare();
    console.log(owner.threads);
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "-"],
    cwd: new URL("../../..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    signal: AbortSignal.timeout(30_000),
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { success, stdout } = await child.output();
  assert.ok(success);
  assert.equal(new TextDecoder().decode(stdout).trim(), "2");
});
