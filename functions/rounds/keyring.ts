/**
 * Everything that depends on a sealing key, for the current key and the one before.
 *
 * @module
 */
import type { CallLimits } from "../../models/planner/plan.ts";
import type { Protections } from "../../models/protections/profile.ts";
import type { Kernel } from "../../sdk/paillier/public/kernel.ts";
import { PreparedModels } from "./prepared_model.ts";
import { BankCache } from "./privacy/bank_cache.ts";
import { SealedTokens } from "./sealed/token.ts";
import { TokenSealer } from "./sealed_token.ts";

/** Everything that depends on a sealing key. */
export interface Sealing {
  sealingKey: Uint8Array;
  sealer: TokenSealer;
  /** Of sealed inferences. */
  sealedTokens: SealedTokens;
  banks: BankCache;
  prepared: PreparedModels;
}

export interface KeyringOptions {
  kernel: Kernel;
  /** Memory of each `BankCache`. */
  randomiserBytes: number;
  /** As `AppOptions` has it. */
  protections?: Partial<Protections>;
  callLimits: CallLimits;
}

/**
 * Sealing keys: the current one starts sessions; earlier ones go on with the
 * sessions that they started, until those expire.
 */
export class Keyring {
  readonly current: Sealing;
  readonly #previous: Sealing[];

  /** @throws {RangeError} if a key is shorter than 32 bytes */
  constructor(
    current: Uint8Array,
    previous: readonly Uint8Array[],
    options: KeyringOptions,
  ) {
    this.current = sealing(current, options);
    this.#previous = previous.map((key) => sealing(key, options));
  }

  /** The key that made a token, by the id it carries; the current one where none did. */
  sealingOf(token: Uint8Array): Sealing {
    return this.#previous.find(({ sealer }) => sealer.made(token)) ??
      this.current;
  }

  /** The same for a token of a sealed inference. */
  sealingOfSealed(token: Uint8Array): Sealing {
    return this.#previous.find(({ sealedTokens }) =>
      sealedTokens.made(token)
    ) ?? this.current;
  }
}

function sealing(sealingKey: Uint8Array, options: KeyringOptions): Sealing {
  if (sealingKey.length < 32) {
    throw new RangeError(
      `Cannot create app: expected a sealing key of at least 32 bytes, got ${sealingKey.length}`,
    );
  }
  return {
    sealingKey,
    sealer: new TokenSealer(sealingKey),
    sealedTokens: new SealedTokens(sealingKey),
    banks: new BankCache(options.kernel, sealingKey, options.randomiserBytes),
    prepared: new PreparedModels(
      sealingKey,
      options.protections,
      options.callLimits,
    ),
  };
}
