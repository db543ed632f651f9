/**
 * One CIFAR-10 picture through ResNet-20.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { readPackage } from "../../../models/package/read_package.ts";
import { openChecked } from "../../shared/checked_session.ts";
import { startFunctions, zooFolder } from "../../shared/functions_process.ts";
import { median, relativeSpread } from "../../shared/harness.ts";
import type { BenchKeyBits } from "../../shared/keys.ts";
import { Skipped, type Stage } from "../stage.ts";

/** Inferences with one sample. */
export type ResidualRow = {
  model: string;
  keyBits: number;
  seconds: number;
  spread: number;
  turns: number;
  bytesUp: number;
  bytesDown: number;
};

const name = "resnet20-cifar10";

export const residualStage: Stage = {
  name: "resnet20",
  about: "one CIFAR-10 picture through ResNet-20",
  tables: ["resnet20"],
  async measure({ quick, progress }) {
    const folder = `${zooFolder}/${name}/package`;
    if (!existsSync(`${folder}/manifest.json`)) {
      throw new Skipped(`no package of ${name} yet`);
    }
    const model = await readPackage(folder);
    await using functions = await startFunctions({ models: zooFolder });
    const rows: ResidualRow[] = [];
    for (const bits of (quick ? [512] : [512, 2048]) as BenchKeyBits[]) {
      progress(`${bits} bits`);
      await using checked = await openChecked({
        url: functions.url,
        model,
        bits,
      });
      const seconds: number[] = [];
      let bytesUp = 0, bytesDown = 0;
      // The first one compiles the plan.
      for (let turn = 0; turn <= (quick ? 1 : 3); turn++) {
        const answer = await checked.infer();
        if (turn > 0) seconds.push(answer.totalMs / 1000);
        ({ bytesUp, bytesDown } = answer);
      }
      rows.push({
        model: name,
        keyBits: bits,
        seconds: median(seconds),
        spread: relativeSpread(seconds),
        turns: seconds.length,
        bytesUp,
        bytesDown,
      });
    }
    return { resnet20: rows };
  },
};
