/**
 * How many gateways each resource carries: closed forms, for the order of the limits.
 *
 * @module
 */
import { answersOf, type Costs, warmCpuMs } from "./costs.ts";

export interface Capacity {
  /** Mean time between readings of a gateway. */
  intervalMs: number;
  /** Peak over mean of the daily curve. */
  peakFactor: number;
  /** Cores at work at most. */
  cores: number;
  processes: number;
  /** Memory of each process for tables of keys. */
  bankMemoryBytes: number;
  /** Of the database that counts spent tokens. */
  writesPerSecond: number;
  egressBytesPerSecond: number;
}

export interface Limit {
  resource: string;
  gateways: number;
}

/** Each resource's limit, the first one first. */
export function limits(costs: Costs, capacity: Capacity): Limit[] {
  const { intervalMs, peakFactor } = capacity;
  /** Gateways whose readings at the peak take `perSecond` of what one takes. */
  const carried = (perSecond: number, each: number) =>
    perSecond / each * intervalMs / 1000 / peakFactor;
  const bytesDown = costs.rounds.reduce(
    (sum, round) => sum + round.bytesDown,
    0,
  );
  const warmMs = warmCpuMs(costs);
  return [
    {
      resource: "tables of keys kept between readings",
      gateways: capacity.processes *
        Math.floor(capacity.bankMemoryBytes / costs.bankBytes),
    },
    {
      resource: "keys whose answers are counted",
      gateways: capacity.processes * costs.keysCounted,
    },
    {
      resource: "processors, tables made for each reading",
      gateways: carried(1000 * capacity.cores, warmMs + costs.bankMs),
    },
    {
      resource: "processors, answers without tables",
      gateways: carried(
        1000 * capacity.cores,
        warmMs + answersOf(costs) * costs.directMs,
      ),
    },
    {
      resource: "processors, tables kept",
      gateways: carried(1000 * capacity.cores, warmMs),
    },
    {
      resource: "writes of spent tokens",
      gateways: carried(capacity.writesPerSecond, costs.writes),
    },
    {
      resource: "bytes of answers",
      gateways: carried(capacity.egressBytesPerSecond, bytesDown),
    },
  ].sort((a, b) => a.gateways - b.gateways);
}
