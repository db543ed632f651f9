/**
 * On whose behalf a request comes, and what it may do.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";

/** What a caller may do: `client` runs inferences, `owner` keeps models. */
export type Role = "client" | "owner";

/** On whose behalf a request comes. */
export interface Principal {
  /** Whom sessions belong to, and budgets and rates are charged to. */
  account: string;
  roles: readonly Role[];
  /** Names of the models that it may see and use. */
  models: readonly string[] | "all";
}

/** Tells who calls. */
export interface Access {
  /**
   * @returns null for a caller that names itself in no way that is known
   * @throws {CipherlayerError} where the caller cannot be looked up now
   */
  identify(request: Request): Promise<Principal | null>;
}

/** Where nothing is configured: all callers are one account of clients, nobody is an owner. */
export const openAccess: Access = {
  identify: () =>
    Promise.resolve({ account: "all", roles: ["client"], models: "all" }),
};

/** Whether the principal may see and use a model. */
export function mayUse({ models }: Principal, name: string): boolean {
  return models === "all" || models.includes(name);
}

/** What session tokens carry of an account: SHA-256 of its name, of one length for all. */
export function accountDigest({ account }: Principal): Uint8Array {
  return sha256(new TextEncoder().encode(account));
}
