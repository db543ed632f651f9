/**
 * Decryption by each kernel, side by side on one core: how much of the fast kernel's
 * speed is left where processors do not fuse multiply-adds (on this machine:
 * `--v8-flags=--no-enable-fma3`), and where WebAssembly has no SIMD.
 *
 * @module
 */
import process from "node:process";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import type { Kernel } from "../../sdk/paillier/public/kernel.ts";
import { bigIntKernel } from "../../sdk/paillier/public/kernel_bigint.ts";
import {
  unfusedKernel,
  wasmKernel,
} from "../../sdk/paillier/wasm/kernel_wasm.ts";
import { fusesMultiplyAdd } from "../../sdk/paillier/wasm/relaxed_simd.ts";
import { interleave, median, relativeSpread } from "../shared/harness.ts";
import { benchKey, parseBenchKeyBits } from "../shared/keys.ts";

const { keyBits, turns, json } = readScriptArguments(
  new Command("bench/single/kernels.ts")
    .description("Decryption by each kernel, side by side.")
    .option("--key-bits <n>", "bits of the key", parseBenchKeyBits, 2048)
    .option("--turns <n>", "measured turns", wholeNumber(1), 15)
    .option("--json", "print one JSON object", false),
);

const decryptions = 8;
const kernels: Kernel[] = [
  ...(fusesMultiplyAdd() ? [wasmKernel] : []),
  unfusedKernel,
  bigIntKernel,
];

using owners = new DisposableStack();
const key = benchKey(keyBits);
const plaintexts = Array.from(
  { length: decryptions },
  (_, i) => key.publicKey.modulus / BigInt(i + 2),
);
const ciphertexts = await owners.use(new PaillierEngine(key))
  .encryptBatch(plaintexts);
const decrypt: Record<string, () => Promise<number>> = {};
for (const kernel of kernels) {
  const owner = owners.use(new PaillierEngine(key, { kernel, threads: 0 }));
  decrypt[kernel.name] = async () => {
    const start = process.cpuUsage();
    const decrypted = await owner.decryptBatch(ciphertexts);
    const { user, system } = process.cpuUsage(start);
    if (decrypted.some((value, i) => value !== plaintexts[i])) {
      throw new Error(`The ${kernel.name} kernel decrypts wrongly`);
    }
    return (user + system) / 1000 / decryptions;
  };
}
const times = await interleave(decrypt, turns);
const rows = kernels.map(({ name }) => ({
  kernel: name,
  decryptMs: median(times[name]),
  spread: relativeSpread(times[name]),
  ratio: median(times.bigint) / median(times[name]),
}));
if (json) {
  console.log(JSON.stringify({ load: Deno.loadavg(), keyBits, rows }));
} else {
  console.table(rows.map((row) => ({
    kernel: row.kernel,
    "decrypt, ms": row.decryptMs.toFixed(3),
    "spread": `${Math.round(100 * row.spread)} %`,
    "x bigint": row.ratio.toFixed(2),
  })));
  console.log(`Load: ${Deno.loadavg().map((x) => x.toFixed(2)).join(", ")}`);
}
