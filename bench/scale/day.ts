/**
 * A day from windows at some of its hours, and what it costs.
 *
 * @module
 */
import { quantile } from "../shared/harness.ts";
import type { Costs } from "./costs.ts";
import { arrivalRate, type Scenario, simulate } from "./simulate.ts";

/** In dollars; where they come from stands in `quotedPrices`. */
export interface Prices {
  vcpuSecond: number;
  gibSecond: number;
  millionCalls: number;
  egressGb: number;
}

/**
 * Quoted, not measured: Google Cloud Run, tier 1, request-based billing, and its
 * premium network tier for the first TB, as its price page and summaries of it had
 * them in 2025; free tiers and discounts left out.
 */
export const quotedPrices: Prices = {
  vcpuSecond: 0.000024,
  gibSecond: 0.0000025,
  millionCalls: 0.4,
  egressGb: 0.12,
};

export interface Day {
  gateways: number;
  inferences: number;
  p50Ms: number;
  p99Ms: number;
  /** At the busiest of the hours. */
  peakInstances: number;
  meanInstances: number;
  coldStarts: number;
  cpuHours: number;
  /** Of the CPU time, for tables of keys. */
  bankShare: number;
  /** Bytes and writes a second in the busiest hour. */
  peakEgressBytes: number;
  peakWrites: number;
  dollars: number;
}

const sampledHours = [0, 3, 6, 9, 12, 15, 18, 21];
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Windows hold about so many readings, and last from 20 s to an hour. */
const readingsPerWindow = 20_000;
const minWindowMs = 20_000;

/** @param memoryGib of an instance, billed while it works */
export function simulateDay(
  costs: Costs,
  options: Omit<Scenario, "hour" | "windowMs">,
  { prices, memoryGib }: { prices: Prices; memoryGib: number },
): Day {
  const meanRate = options.gateways / options.intervalMs;
  const windowMs = Math.min(
    hourMs,
    Math.max(minWindowMs, readingsPerWindow / meanRate),
  );
  const windows = sampledHours.map((hour) =>
    simulate(costs, { ...options, hour, windowMs })
  );
  const scale = dayMs / (sampledHours.length * windowMs);
  const sum = (
    key:
      | "inferences"
      | "coldStarts"
      | "cpuMs"
      | "bankMs"
      | "calls"
      | "bytesDown",
  ) => scale * windows.reduce((total, window) => total + window[key], 0);
  const latencies = windows.flatMap(({ latenciesMs }) => latenciesMs);
  const peakRate = 1000 * Math.max(
    ...sampledHours.map((hour) => arrivalRate({ ...options, hour })),
  );
  const bytesDown = costs.rounds.reduce(
    (all, round) => all + round.bytesDown,
    0,
  );
  const cpuSeconds = sum("cpuMs") / 1000;
  return {
    gateways: options.gateways,
    inferences: sum("inferences"),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    peakInstances: Math.max(...windows.map((each) => each.peakInstances)),
    meanInstances:
      windows.reduce((total, each) => total + each.meanInstances, 0) /
      windows.length,
    coldStarts: sum("coldStarts"),
    cpuHours: cpuSeconds / 3600,
    bankShare: sum("bankMs") / sum("cpuMs"),
    peakEgressBytes: peakRate * bytesDown,
    peakWrites: peakRate * costs.writes,
    dollars: cpuSeconds * (prices.vcpuSecond + memoryGib * prices.gibSecond) +
      sum("calls") / 1e6 * prices.millionCalls +
      sum("bytesDown") / 1e9 * prices.egressGb,
  };
}
