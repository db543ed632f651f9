/**
 * What one inference asks of the gateway: processor time and bytes, for an estimate of
 * energy.
 *
 * @module
 */
import process from "node:process";
import { readPackage } from "../../../models/package/read_package.ts";
import { openChecked } from "../../shared/checked_session.ts";
import {
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../../shared/functions_process.ts";
import { median } from "../../shared/harness.ts";
import {
  type ElementwiseCosts,
  elementwiseCounts,
} from "../../compare/reference/elementwise.ts";
import { startPython } from "../../compare/reference/python.ts";
import type { BenchKeyBits } from "../../shared/keys.ts";
import type { Stage } from "../stage.ts";

/** One inference at the gateway. */
export type GatewayRow = {
  keyBits: number;
  method: "packed" | "element by element";
  /** Processor time of all the gateway's threads, preparation of randomisers included. */
  cpuMs: number;
  bytes: number;
  turns: number;
};

export const gatewayStage: Stage = {
  name: "gateway",
  about: "processor time and bytes of the gateway",
  tables: ["gateway"],
  async measure({ quick, progress }) {
    const model = await readPackage(lenetFolder);
    const counts = elementwiseCounts(model.manifest);
    await using functions = await startFunctions({ models: zooFolder });
    const rows: GatewayRow[] = [];
    for (const keyBits of [512, 2048] as BenchKeyBits[]) {
      progress(`${keyBits} bits`);
      await using checked = await openChecked({
        url: functions.url,
        model,
        bits: keyBits,
      });
      await checked.infer();
      const turns = quick ? 2 : 11;
      const times: number[] = [];
      let bytes = 0;
      for (let turn = 0; turn < turns; turn++) {
        const before = cpuMs();
        const answer = await checked.infer();
        times.push(cpuMs() - before);
        bytes = answer.bytesUp + answer.bytesDown;
      }
      rows.push({
        keyBits,
        method: "packed",
        cpuMs: median(times),
        bytes,
        turns,
      });
      await using python = await startPython("elementwise.py", [`${keyBits}`]);
      if (python === null) continue;
      await python.measure();
      const costs = await python.measure<ElementwiseCosts>();
      rows.push({
        keyBits,
        method: "element by element",
        cpuMs: 1000 * (counts.encryptions * costs.encrypt +
          counts.decryptions * costs.decrypt),
        bytes: (counts.encryptions + counts.decryptions) * keyBits / 4,
        turns: 1,
      });
    }
    return { gateway: rows };
  },
};

/** Of this process, in which only the gateway runs. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
