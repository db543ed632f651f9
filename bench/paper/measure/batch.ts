/**
 * Batch size against time and bytes: nearly flat as long as slots are free.
 *
 * @module
 */
import { readPackage } from "../../../models/package/read_package.ts";
import { maxSamples } from "../../../models/planner/plan.ts";
import { openChecked } from "../../shared/checked_session.ts";
import {
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../../shared/functions_process.ts";
import { median, relativeSpread } from "../../shared/harness.ts";
import type { Stage } from "../stage.ts";

/** Inferences that carry so many samples. */
export type BatchRow = {
  keyBits: number;
  samples: number;
  seconds: number;
  spread: number;
  turns: number;
  /** Of the whole inference. */
  bytesUp: number;
  bytesDown: number;
};

const keyBits = 2048;

export const batchStage: Stage = {
  name: "batch",
  about: "samples in the same ciphertexts",
  tables: ["batch"],
  async measure({ quick, progress }) {
    const model = await readPackage(lenetFolder);
    const max = maxSamples(model.manifest, keyBits);
    const sizes = quick ? [1, 8] : [...new Set([1, 2, 4, 8, 16, 32, 64, max])]
      .filter((size) => size <= max).sort((a, b) => a - b);
    await using functions = await startFunctions({ models: zooFolder });
    const rows: BatchRow[] = [];
    for (const samples of sizes) {
      progress(`${samples} samples of at most ${max}`);
      await using checked = await openChecked({
        url: functions.url,
        model,
        bits: keyBits,
        samples,
      });
      const seconds: number[] = [];
      let bytesUp = 0, bytesDown = 0;
      // The first one compiles the plan.
      const turns = quick ? 1 : samples <= 8 ? 5 : 2;
      for (let turn = 0; turn <= turns; turn++) {
        const answer = await checked.infer();
        if (turn > 0) seconds.push(answer.totalMs / 1000);
        ({ bytesUp, bytesDown } = answer);
      }
      rows.push({
        keyBits,
        samples,
        seconds: median(seconds),
        spread: relativeSpread(seconds),
        turns,
        bytesUp,
        bytesDown,
      });
    }
    return { batch: rows };
  },
};
