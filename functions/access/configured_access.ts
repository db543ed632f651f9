/**
 * Decides who a caller is: by token, or by a header that a proxy sets.
 *
 * @module
 */
import type { AccessEntry } from "./entries.ts";
import type { Access, Principal } from "./principal.ts";
import { bearerToken, tokenDigest } from "./bearer_token.ts";

export interface ConfiguredAccessOptions {
  /**
   * Header in which a proxy names the account that it has authenticated, by mutual
   * TLS for example. It must take the header away from what callers send.
   */
  accountHeader?: string;
  /** Milliseconds since 1970; default: the machine's clock. */
  clock?: () => number;
}

/**
 * Access by the operator's list: a caller that holds a listed token, or is named by the
 * proxy and listed. Without a list all whom the proxy names are clients of all models.
 *
 * Tokens are looked up by their digest. How long that takes may tell how far the
 * digest of a guess agrees with a stored one, but nobody can steer a digest, so
 * timing helps no one towards a token.
 */
export class ConfiguredAccess implements Access {
  readonly #byDigest = new Map<string, AccessEntry>();
  readonly #byName = new Map<string, AccessEntry>();
  readonly #isListed: boolean;
  readonly #accountHeader?: string;
  readonly #clock: () => number;

  /** @param entries null: no list */
  constructor(
    entries: readonly AccessEntry[] | null,
    { accountHeader, clock = Date.now }: ConfiguredAccessOptions = {},
  ) {
    this.#isListed = entries !== null;
    this.#accountHeader = accountHeader;
    this.#clock = clock;
    for (const entry of entries ?? []) {
      if (entry.sha256) this.#byDigest.set(entry.sha256, entry);
      else this.#byName.set(entry.account, entry);
    }
  }

  identify(request: Request): Promise<Principal | null> {
    return Promise.resolve(
      request.headers.has("authorization")
        ? this.#ofToken(bearerToken(request))
        : this.#named(request),
    );
  }

  #ofToken(token: string | null): Principal | null {
    if (token === null) return null;
    const entry = this.#byDigest.get(tokenDigest(token));
    const { expiresAt } = entry ?? {};
    const expired = expiresAt !== undefined &&
      Date.parse(expiresAt) <= this.#clock();
    return entry && !expired ? entry : null;
  }

  #named({ headers }: Request): Principal | null {
    const account = this.#accountHeader && headers.get(this.#accountHeader);
    if (!account) return null;
    if (this.#isListed) return this.#byName.get(account) ?? null;
    return { account, roles: ["client"], models: "all" };
  }
}
