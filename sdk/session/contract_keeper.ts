/**
 * Holds a cloud to one contract of a model, over sessions and runs.
 *
 * @module
 */
import type { ContractStore } from "../keys/contract_store.ts";
import { CipherlayerError } from "../support/errors.ts";
import { contractDigest, contractOfPlan } from "../wire/contract.ts";
import type { InferencePlan } from "../wire/plan.ts";

/**
 * The functions state another contract of a model than before.
 *
 * @example
 * ```ts
 * import type { ContractChange } from "@cipherlayer/sdk";
 *
 * // For `connect({ onContractChange })`: accept a change if the labels stay.
 * const accept = ({ plan }: ContractChange) =>
 *   plan.outputs[0].labels?.join() === "empty,occupied";
 * console.log(typeof accept);
 * ```
 */
export interface ContractChange {
  /** Name of the model. */
  model: string;
  /** The contract that was known. */
  expected: string;
  /** The contract that they state now. */
  contract: string;
  /** What they state now, to look at. */
  plan: InferencePlan;
}

/** Which contract to hold to, and who may change it. */
export interface ContractTerms {
  model: string;
  /** The only contract; nothing may change it. */
  pinned?: string;
  /** Where the contract of the first use is remembered. */
  store?: ContractStore;
  /** Asked about a change where nothing is pinned; by default none is accepted. */
  accept?: (change: ContractChange) => boolean | Promise<boolean>;
}

/** Compares the contract of each session with the one pinned or known. */
export class ContractKeeper {
  readonly #terms: ContractTerms;
  #current?: string;

  constructor(terms: ContractTerms) {
    this.#terms = terms;
  }

  /** The contract of the last session that was accepted. */
  get current(): string {
    return this.#current!;
  }

  /**
   * Accepts a session's plan, or throws.
   *
   * @returns whether it keeps another contract than the session before
   * @throws {CipherlayerError} `contract-changed`
   */
  async check(plan: InferencePlan): Promise<boolean> {
    const { model, pinned, store, accept } = this.#terms;
    const contract = contractDigest(contractOfPlan(plan));
    let known = this.#current ?? await store?.read(model) ?? undefined;
    if (known === undefined && pinned === undefined && store) {
      // Of first uses at once one is the first; the others are held to its contract.
      const isFirst = await store.create(model, contract);
      known = isFirst ? contract : await store.read(model) ?? undefined;
    }
    const expected = pinned ?? known;
    if (expected !== undefined && contract !== expected) {
      const isAccepted = pinned === undefined &&
        await accept?.({ model, expected, contract, plan }) === true;
      if (!isAccepted) {
        throw new CipherlayerError(
          "contract-changed",
          `Cannot start session: expected contract ${expected} of model ${model}, got ${contract}`,
        );
      }
    }
    if (pinned === undefined && contract !== known) {
      await store?.write(model, contract);
    }
    const before = this.#current ?? contract;
    this.#current = contract;
    return contract !== before;
  }
}
