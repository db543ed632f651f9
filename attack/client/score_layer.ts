/**
 * The scores' layer of a target: how attacks come to it, and what it really is.
 *
 * @module
 */
import type { Layer } from "./layer.ts";
import { type AttackContext, layerSeen } from "./attack_context.ts";

/** The scores' layer as an attacker faces it, and the owner's own: to score attacks. */
export interface ScoreLayer {
  /** Rows that are evaluated: decoys among them, or differences of pairs. */
  guarded: Layer;
  /** The owner's rows, with columns for hidden decoys. */
  owners: Layer;
  /** For each guarded row the label that it stands for, -1 for others. */
  labels: number[];
  /** Guarded real rows are the owner's times this. */
  factor: number;
  /** Columns that hidden decoys feed. */
  ignored: boolean[];
}

/** Columns that are read one at a time where samples cannot be packed. */
const columnsOneByOne = 48;

/** The scores' round, come to with as many samples a call as the functions take. */
export interface OpenScoreLayer {
  round: number;
  samples: number;
  /** Opens the round. */
  token: Uint8Array;
  layer: ScoreLayer;
}

/** Opens a session and goes by way of zeros to the round of the scores. */
export async function openScoreLayer(
  context: AttackContext,
): Promise<OpenScoreLayer> {
  const { client, target: { scoreRound: round } } = context;
  const samples = await client.openWidest();
  const token = await client.tokenFor(round);
  const layer = await scoreLayer(context, token);
  return { round, samples, token, layer };
}

/** Columns that an attack which reads them one by one has `queries` for, the first ones. */
export function readableColumns(
  { samples, layer: { guarded: { inputs } } }: OpenScoreLayer,
  queries: number,
): number {
  return Math.min(inputs, queries, samples > 1 ? inputs : columnsOneByOne);
}

/** @param token the one that the scores' round was asked with */
export async function scoreLayer(
  context: AttackContext,
  token: Uint8Array,
): Promise<ScoreLayer> {
  const { truth: { guarded }, scoreRound } = context.target;
  const layer = await layerSeen(context, scoreRound, token);
  const owners = await layerSeen(context, scoreRound, token, guarded.widened);
  const labels = guarded.scoreLabels;
  const real = labels.findIndex((label) => label >= 0);
  const largest = (row: Float64Array) =>
    row.reduce((max, weight) => Math.max(max, Math.abs(weight)), 0);
  return {
    guarded: layer,
    owners,
    labels,
    factor: real < 0
      ? 1
      : largest(layer.rows[real]) / largest(owners.rows[labels[real]]),
    ignored: Array.from(
      { length: owners.inputs },
      (_, i) => owners.rows.every((row) => row[i] === 0),
    ),
  };
}
