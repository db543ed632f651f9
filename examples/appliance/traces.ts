/**
 * Power of appliances that do not exist, for `--simulate`.
 *
 * @module
 */
import type { PowerReport } from "./power_window.ts";

const secondsOfTrace = 2 * 3600;
const reportEveryS = 5;

/** Power of appliances that do not exist, in watts, by the second. */
const traces = {
  Refrigerator: (second: number) => {
    const cycle = second % 2700;
    if (cycle > 900) return 0;
    return cycle < 10 ? 420 : 92 - 14 * cycle / 900;
  },
  WaterKettle: (second: number) => {
    const cycle = second % 2400;
    return cycle >= 300 && cycle < 480 ? 1950 + 20 * Math.sin(second) : 0;
  },
  Router: (second: number) => 6.4 + 0.2 * Math.sin(second / 50),
} as const;

/** Names of the traces: labels of the model. */
export const traceNames = Object.keys(traces) as (keyof typeof traces)[];

/** Two hours of a smart plug behind such an appliance, a report every 5 seconds. */
export function* simulatedReports(
  name: keyof typeof traces,
): Generator<PowerReport> {
  const started = Date.now() - 1000 * secondsOfTrace;
  for (let second = 0; second <= secondsOfTrace; second += reportEveryS) {
    yield { atMs: started + 1000 * second, watts: traces[name](second) };
  }
}
