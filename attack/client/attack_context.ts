/**
 * What an attack is given: a target, a key and limits.
 *
 * @module
 */
import { generatePrivateKey } from "../../sdk/paillier/private/key_generation.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { HostileClient } from "./hostile_client.ts";
import { denseLayer, type Layer } from "./layer.ts";
import type { Finding } from "../report/report.ts";
import type { Target } from "./target.ts";

/** One attack on one target. */
export interface AttackContext {
  target: Target;
  client: HostileClient;
  /** Queries that the attack may use; it stops earlier when it is done. */
  queries: number;
}

export type Attack = (context: AttackContext) => Promise<Finding>;

/** Short keys make attacks fast and change nothing of what they see. */
export const attackKeyBits = 512;

export function attackKey(): Promise<PrivateKey> {
  return generatePrivateKey(attackKeyBits, { insecure: true });
}

/** The name of a round of the model. */
export function roundName({ truth }: Target, round: number): string {
  return truth.guarded.model.manifest.rounds[round].name;
}

/** The first hidden dense round; -1 where there is none. */
export function hiddenDenseRound({ truth, scoreRound }: Target): number {
  return truth.model.manifest.rounds.findIndex(({ terms }, round) =>
    round < scoreRound && terms[0].kind === "dense"
  );
}

/**
 * A dense round as the holder of `token` sees it: elements in the order in which
 * the rounds before sent them. Only to score what was found.
 *
 * @param model the guarded one, or the owner's with columns for hidden decoys
 */
export async function layerSeen(
  { target: { truth }, client }: AttackContext,
  round: number,
  token: Uint8Array,
  model: ModelPackage = truth.guarded.model,
): Promise<Layer> {
  const layer = denseLayer(model, round);
  const order: number[] = [];
  for (const { reads, length } of denseTerms(model, round)) {
    const first = order.length;
    const writer = client.plan.rounds.slice(0, round).findLastIndex((r) =>
      r.writes === reads
    );
    const channels = writer < 0
      ? Uint32Array.from({ length }, (_, i) => i)
      : await truth.orderOf(client.plan, writer, token);
    const size = length / channels.length;
    channels.forEach((channel) => {
      for (let i = 0; i < size; i++) order.push(first + channel * size + i);
    });
  }
  return {
    ...layer,
    rows: layer.rows.map((row) =>
      Float64Array.of(...order.map((i) => row[i]), row[layer.inputs])
    ),
  };
}

function denseTerms(model: ModelPackage, round: number) {
  return model.manifest.rounds[round].terms.flatMap((term) =>
    term.kind === "dense" ? [term] : []
  );
}

/** The first `columns` weights of each row, without what is behind them. */
export function firstWeights(
  rows: readonly Float64Array[],
  columns: number,
): Float64Array[] {
  return rows.map((row) => row.subarray(0, columns));
}
