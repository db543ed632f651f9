/**
 * Calls of a sealed model's last round: what they cost, and which may come again.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import {
  type NonceStore,
  rememberMs,
  spendToken,
} from "../stores/spent_tokens.ts";
import { type Budget, chargeBudget, isLimited, labelBudget } from "./budget.ts";

/** A call of the last round whose tokens have been opened. */
export interface FinalCall {
  account: string;
  model: string;
  samples: number;
  /** Milliseconds since 1970. */
  expiresAt: number;
  token: Uint8Array;
  body: Uint8Array;
}

/** Where labels are counted, and tokens that have been used. */
export class FinalCalls {
  readonly #budget: Budget | undefined;
  readonly #nonces: NonceStore;
  readonly #clock: () => number;

  constructor({ budget, nonces, clock }: {
    budget?: Budget;
    nonces: NonceStore;
    clock: () => number;
  }) {
    this.#budget = budget;
    this.#nonces = nonces;
    this.#clock = clock;
  }

  /**
   * Uses a token of the last round up for one body; the same one may come again. A
   * gateway that wants another label has to garble the rounds before once more. Where
   * labels are not limited, nothing is written down.
   *
   * @throws {CipherlayerError} `token-spent` for another body, `unsupported` without a
   * budget of labels
   */
  async use({ token, body, expiresAt }: FinalCall): Promise<void> {
    if (!isLimited(labelBudget(this.#budget))) return;
    await spendToken(this.#nonces, token, body, expiresAt);
  }

  /**
   * Charges the labels that a garbled call tells, before it is garbled; a repetition
   * byte for byte costs nothing.
   *
   * @throws {CipherlayerError} `budget-exceeded`, and as `use`
   */
  async charge(call: FinalCall): Promise<void> {
    await this.use(call);
    await chargeBudget(labelBudget(this.#budget), {
      account: call.account,
      model: call.model,
      values: call.samples,
      nowMs: this.#clock(),
      once: {
        id: encodeHex(sha256(call.body)),
        endsAt: call.expiresAt + rememberMs,
      },
    });
  }
}
