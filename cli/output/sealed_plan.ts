/**
 * Forecasts of sealed inferences, for people.
 *
 * @module
 */
import type { SealedForecast } from "../../models/planner/sealed_forecast.ts";
import { readableBytes, threeDigits } from "./numbers.ts";
import { table } from "./table.ts";

/** Round by round: packing, calls, bytes and times. */
export function sealedTable({ rounds, total, setup }: SealedForecast): string {
  const header = [
    "round",
    "packing",
    "up",
    "down",
    "choices",
    "AND gates",
    "kB up",
    "kB down",
    "gateway ms",
    "functions ms",
    "line ms",
    "total ms",
  ];
  const numbers = (part: SealedForecast["total"]) => [
    part.ciphertextsUp,
    part.ciphertextsDown,
    part.choices,
    Math.round(part.andGates),
    Math.round(part.bytesUp / 1000),
    Math.round(part.bytesDown / 1000),
    Math.round(part.gatewayMs),
    Math.round(part.functionsMs),
    Math.round(part.lineMs),
    Math.round(part.totalMs),
  ];
  const rows = [
    ...rounds.map((round) => [round.name, round.packing, ...numbers(round)]),
    ["total", "", ...numbers(total)],
  ];
  return [
    table(header, rows),
    "",
    `predicted: ${threeDigits(total.totalMs / 1000)} s an inference, ${
      readableBytes(total.bytesUp)
    } up, ${readableBytes(total.bytesDown)} down`,
    `once a gateway process: ${readableBytes(setup.bytesUp)} up, ${
      readableBytes(setup.bytesDown)
    } down to begin oblivious transfer`,
    "up, down: ciphertexts; the first round carries the inference's batch of transfers",
  ].join("\n");
}
