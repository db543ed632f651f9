/**
 * What the garbled calls of one plan may take together, spent while they are built: for
 * gateways plans come from a cloud that is not trusted.
 *
 * @module
 */
import { CipherlayerError } from "../../support/errors.ts";

/**
 * Of all rounds. A package of the zoo takes a sixth of each at its largest batch, or
 * less; a garbled call of its own has `maxGarbledBytes` besides.
 */
export const planLimits = {
  /** Each is kept, and hashed into the digest: about 100 bytes and a microsecond. */
  gates: { max: 2 ** 19, what: "gates" },
  /** Operands of lanes and slots of plaintexts, of which a number is kept each. */
  places: { max: 2 ** 21, what: "places that values go to" },
  /** Labels that are moved from stage to stage, gates or none. */
  labels: { max: 2 ** 24, what: "labels read" },
  /** Gates of all lanes, of which those that cost no bytes cost time. */
  laneGates: { max: 2 ** 27, what: "gates of all lanes" },
  /** Evaluated by each inference. */
  garbledBytes: { max: 2 ** 28, what: "garbled bytes" },
};

/** One for each plan. */
export class BuildBudget {
  readonly #spent = new Map<keyof typeof planLimits, number>();

  /** @throws {CipherlayerError} `unsupported` if the plan takes more than it may */
  spend(kind: keyof typeof planLimits, count: number): void {
    const spent = (this.#spent.get(kind) ?? 0) + count;
    this.#spent.set(kind, spent);
    const { max, what } = planLimits[kind];
    if (spent <= max) return;
    throw new CipherlayerError(
      "unsupported",
      `Cannot seal a model: expected at most ${max} ${what} in all rounds, got at least ${spent}`,
    );
  }
}
