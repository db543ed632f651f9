/**
 * Whether encrypted inferences meet the simulator in every round, not in the answer alone.
 *
 * @module
 */
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { unpackAnswers } from "../../sdk/fixed_point/packing.ts";
import type { Session } from "../../sdk/session/session.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { simulateMany } from "../../models/simulate/simulate.ts";

/** The gateway's key, which remembers what the rounds of the last inference gave. */
export class RememberingOwner extends PaillierEngine {
  readonly #rounds = new Map<number, bigint[]>();
  #round = 0;

  /** Residues of a round's answers, as the session decrypted them. */
  answersOf(round: number): readonly bigint[] {
    return this.#rounds.get(round) ?? [];
  }

  /** Has the session tell which round it decrypts. */
  follow(session: Session): void {
    session.addEventListener("state", ({ detail }) => {
      if (detail.state === "decrypting") this.#round = detail.round;
    });
  }

  override async decryptBatch(
    ciphertexts: Uint8Array,
    options: { signal?: AbortSignal } = {},
  ): Promise<bigint[]> {
    const residues = await super.decryptBatch(ciphertexts, options);
    this.#rounds.set(this.#round, residues);
    return residues;
  }
}

/**
 * Whether the accumulators of every round are the simulator's. The functions send
 * hidden channels in a separate order, the same for all samples of an
 * inference: those are compared up to that order, all samples of a channel together.
 * The last round is compared as it is.
 *
 * @param model as it is served: without noise and decoys
 * @param readings quantised, of the inference that `owner` remembers
 */
export function equalInEveryRound(
  model: ModelPackage,
  { plan }: Session,
  owner: RememberingOwner,
  readings: readonly Float64Array[],
): boolean {
  const { rounds } = model.manifest;
  const simulated = rounds.map((): Float64Array[] => []);
  simulateMany(model, readings, {
    // Looks at what it could disturb.
    disturb: (round, accumulators) =>
      simulated[round].push(accumulators.slice()),
  });
  return plan.rounds.length === rounds.length &&
    plan.rounds.every(({ layout }, round) => {
      const { samples } = unpackAnswers(layout, owner.answersOf(round));
      const channels = rounds[round].outputShape[0];
      const told = channelsOf(samples.slice(0, readings.length), channels);
      const expected = channelsOf(simulated[round], channels);
      if (round < rounds.length - 1) {
        told.sort();
        expected.sort();
      }
      return told.length === expected.length &&
        told.every((channel, i) => channel === expected[i]);
    });
}

/** Each channel over all samples, as text. */
function channelsOf(
  samples: readonly Float64Array[],
  channels: number,
): string[] {
  const size = samples[0].length / channels;
  return Array.from(
    { length: channels },
    (_, channel) =>
      samples.map((values) =>
        values.subarray(channel * size, (channel + 1) * size).join()
      ).join(";"),
  );
}
