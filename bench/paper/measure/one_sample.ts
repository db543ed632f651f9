/**
 * Table 2: encryption and decryption of one sample at 3072 bits, without and with
 * optimisation. Every contender is a separate process, so that processor time and
 * memory are its own.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { readPackage } from "../../../models/package/read_package.ts";
import { planRound } from "../../../models/planner/plan.ts";
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { lenetFolder } from "../../shared/functions_process.ts";
import { median } from "../../shared/harness.ts";
import type { BenchKeyBits } from "../../shared/keys.ts";
import type { ElementwiseCosts } from "../../compare/reference/elementwise.ts";
import { startPython } from "../../compare/reference/python.ts";
import type { Stage } from "../stage.ts";
import {
  type Contender,
  contenders,
  type OperationCosts,
} from "./one_sample_worker.ts";

/** One contender. */
export type OneSampleRow = {
  keyBits: number;
  contender: Contender | "gmpy2";
  /** Ciphertexts of one sample: element by element, and as the LeNet's plan packs it. */
  elements: number;
  packed: number;
  /** Of one ciphertext. */
  encryptMs: number;
  decryptMs: number;
  encryptCpuMs: number;
  decryptCpuMs: number;
  /** Most memory of the process, runtime included. */
  peakMiB: number;
};

const keyBits: BenchKeyBits = 3072;
const pixels = 784;

export const oneSampleStage: Stage = {
  name: "one-sample",
  about: "encryption and decryption of one sample at 3072 bits",
  tables: ["one-sample"],
  async measure({ quick, progress }) {
    const turns = quick ? 1 : 5;
    const sample = {
      keyBits,
      elements: pixels,
      packed: await packedCiphertexts(),
    };
    const rows: OneSampleRow[] = [];
    for (const contender of contenders) {
      progress(contender);
      const costs = await runWorker(contender, turns);
      rows.push({ ...sample, contender, ...costs });
    }
    progress("gmpy2");
    const gmpy2 = await runPython(turns);
    if (gmpy2 !== null) {
      rows.push({ ...sample, contender: "gmpy2", ...gmpy2 });
    }
    return { "one-sample": rows };
  },
};

async function packedCiphertexts(): Promise<number> {
  const { manifest, tensors } = await readPackage(lenetFolder);
  const [{ layout }] = planRound(manifest.rounds[0], {
    modulusBits: keyBits,
    samples: 1,
    tensors,
  });
  return inputCiphertexts(layout);
}

async function runWorker(
  contender: Contender,
  turns: number,
): Promise<OperationCosts> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--quiet",
      fileURLToPath(new URL("one_sample_worker.ts", import.meta.url)),
      contender,
      String(keyBits),
      String(turns),
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot measure ${contender}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The method that the paper calls optimised: GMP, and decryption by CRT. */
async function runPython(turns: number): Promise<OperationCosts | null> {
  await using python = await startPython("elementwise.py", [String(keyBits)]);
  if (python === null) return null;
  const costs: (ElementwiseCosts & { peakBytes: number })[] = [];
  for (let turn = 0; turn < turns; turn++) costs.push(await python.measure());
  const encryptMs = 1000 * median(costs.map(({ encrypt }) => encrypt));
  const decryptMs = 1000 * median(costs.map(({ decrypt }) => decrypt));
  return {
    encryptMs,
    decryptMs,
    // One thread that never waits.
    encryptCpuMs: encryptMs,
    decryptCpuMs: decryptMs,
    peakMiB: costs[costs.length - 1].peakBytes / 2 ** 20,
  };
}
