/**
 * A share of a garbled call: some lanes of the last stage, and whatever they need.
 *
 * @module
 */
import type { Known, Part, Stage } from "./stage.ts";

/** The stages of shard `shard` of `shards`; each is garbled under its own salt. */
export function shardStages(
  stages: readonly Stage[],
  shard: number,
  shards: number,
): Stage[] {
  if (shards === 1) return [...stages];
  const last = stages[stages.length - 1];
  const kept = last.parts.map((part) => {
    // What tells labels is not worth cutting.
    if (!part.known) return shard === 0 ? part : keepLanes(part, []);
    const from = Math.floor(shard * part.lanes / shards);
    const to = Math.floor((shard + 1) * part.lanes / shards);
    const lanes = Array.from({ length: to - from }, (_, i) => from + i);
    return keepLanes(part, lanes);
  });
  const reduced: Stage[] = [{ ...last, parts: kept }];
  for (const stage of stages.slice(0, -1).toReversed()) {
    const needed = new Uint8Array(stage.elements!.count);
    for (const { operands } of reduced[0].parts) {
      for (const elements of operands) {
        for (const element of elements) if (element >= 0) needed[element] = 1;
      }
    }
    const parts = stage.parts.map((part) => {
      const lanes = Array.from({ length: part.lanes }, (_, lane) => lane);
      return keepLanes(
        part,
        lanes.filter((lane) =>
          part.results.some((elements) => needed[elements[lane]] === 1)
        ),
      );
    });
    reduced.unshift({ ...stage, parts });
  }
  return reduced;
}

function keepLanes(part: Part, lanes: readonly number[]): Part {
  const pick = (list: Int32Array) =>
    Int32Array.from(lanes, (lane) => list[lane]);
  return {
    circuit: part.circuit,
    lanes: lanes.length,
    operands: part.operands.map(pick),
    results: part.results.map(pick),
    known: part.known && keepKnown(part.known, pick),
  };
}

const keepKnown = (
  known: Known,
  pick: (list: Int32Array) => Int32Array,
): Known =>
  known.kind === "answer"
    ? { ...known, answer: pick(known.answer), from: pick(known.from) }
    : { ...known, element: pick(known.element) };
