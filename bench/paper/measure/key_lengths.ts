/**
 * Table 3 and Figure 15: 1 and 64 samples under keys of growing length.
 *
 * @module
 */
import { readPackage } from "../../../models/package/read_package.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import { openChecked } from "../../shared/checked_session.ts";
import {
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../../shared/functions_process.ts";
import { median, relativeSpread, timeMs } from "../../shared/harness.ts";
import type { BenchKeyBits } from "../../shared/keys.ts";
import { elementwiseCounts } from "../../compare/reference/elementwise.ts";
import type { Row } from "../table.ts";
import type { Stage } from "../stage.ts";
import { bestBatch, gmpSeconds } from "./sessions.ts";

/** One way to infer under one key. */
export type KeyLengthRow = {
  keyBits: number;
  /** "packed" is ours, "element by element" the paper's way on gmpy2, counted. */
  method: "packed" | "element by element";
  samples: number;
  /** Samples that share ciphertexts. */
  batch: number;
  seconds: number;
  /** Interquartile range over the median. */
  spread: number;
  turns: number;
};

const keyLengths: BenchKeyBits[] = [512, 1024, 2048, 3072, 4096];
const manySamples = 64;

export const keyLengthsStage: Stage = {
  name: "key-lengths",
  about: "1 and 64 samples at 512 to 4096 bits",
  tables: ["key-lengths"],
  async measure({ quick, progress }) {
    const model = await readPackage(lenetFolder);
    const counts = elementwiseCounts(model.manifest);
    await using functions = await startFunctions({ models: zooFolder });
    const rows: KeyLengthRow[] = [];
    for (const keyBits of keyLengths) {
      progress(`${keyBits} bits: 1 sample`);
      rows.push(
        await oneSample(functions.url, model, keyBits, quick ? 2 : 9),
      );
      if (!quick || keyBits <= 2048) {
        progress(`${keyBits} bits: ${manySamples} samples`);
        rows.push(
          await many(functions.url, model, keyBits, quick ? 1 : 2),
        );
      }
      const seconds = await gmpSeconds(counts, keyBits, quick ? 1 : 3);
      if (seconds === null) continue;
      for (const samples of [1, manySamples]) {
        rows.push({
          keyBits,
          method: "element by element",
          samples,
          batch: 1,
          // The method knows no batches.
          seconds: samples * seconds,
          spread: 0,
          turns: quick ? 1 : 3,
        });
      }
    }
    return { "key-lengths": rows satisfies Row[] };
  },
};

/** Randomisers are prepared before, as a session does while it is idle. */
async function oneSample(
  url: string,
  model: ModelPackage,
  bits: BenchKeyBits,
  turns: number,
): Promise<KeyLengthRow> {
  await using checked = await openChecked({ url, model, bits });
  // The functions compile the plan, and make the key's bank of randomisers.
  await checked.infer();
  const seconds: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    seconds.push((await checked.infer()).totalMs / 1000);
  }
  return row(bits, 1, 1, seconds);
}

/** Nothing is prepared: every randomiser is computed on the way. */
async function many(
  url: string,
  model: ModelPackage,
  bits: BenchKeyBits,
  turns: number,
): Promise<KeyLengthRow> {
  const batch = bestBatch(model, bits);
  await using checked = await openChecked({
    url,
    model,
    bits,
    samples: batch,
    pool: false,
  });
  const seconds: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const ms = await timeMs(async () => {
      for (let done = 0; done < manySamples; done += batch) {
        await checked.infer();
      }
    });
    seconds.push(ms / 1000);
  }
  return row(bits, manySamples, batch, seconds);
}

function row(
  keyBits: number,
  samples: number,
  batch: number,
  seconds: number[],
): KeyLengthRow {
  return {
    keyBits,
    method: "packed",
    samples,
    batch,
    seconds: median(seconds),
    spread: relativeSpread(seconds),
    turns: seconds.length,
  };
}
