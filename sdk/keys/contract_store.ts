/**
 * The contracts of the models that a gateway has used, kept beside its key.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { BlobStore } from "../blobs/blob_store.ts";
import { CipherlayerError } from "../support/errors.ts";

/**
 * Which contract each model had when it was first used, by the model's name.
 *
 * @example
 * ```ts
 * import { type ContractStore, MemoryKeyStore } from "@cipherlayer/sdk";
 *
 * const contracts: ContractStore = new MemoryKeyStore().contracts;
 * if (!await contracts.create("occupancy", "sha256:" + "0".repeat(64))) throw new Error("known");
 * if (await contracts.read("appliance") !== null) throw new Error("never used");
 * ```
 */
export interface ContractStore {
  /** The model's contract, or null if it was never used. */
  read(model: string): Promise<string | null>;
  /**
   * Remembers the contract if the model has none, and tells whether it did: of many
   * first uses at once one does.
   */
  create(model: string, contract: string): Promise<boolean>;
  /** Remembers the contract, in place of the one before. */
  write(model: string, contract: string): Promise<void>;
}

/** Whether a text is a contract's name: `sha256:` and 64 hexadecimal digits. */
export function isContract(text: unknown): text is string {
  return typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
}

/** Keeps contracts for the life of the process only. */
export class MemoryContractStore implements ContractStore {
  readonly #contracts = new Map<string, string>();

  /** The model's contract, or null. */
  read(model: string): Promise<string | null> {
    return Promise.resolve(this.#contracts.get(model) ?? null);
  }

  /** Remembers the contract if there is none, and tells whether it did. */
  create(model: string, contract: string): Promise<boolean> {
    if (this.#contracts.has(model)) return Promise.resolve(false);
    this.#contracts.set(model, contract);
    return Promise.resolve(true);
  }

  /** Remembers the contract. */
  write(model: string, contract: string): Promise<void> {
    this.#contracts.set(model, contract);
    return Promise.resolve();
  }
}

/**
 * Keeps each contract in a separate blob, `<name>.contract.<digest of the model's
 * name>`, as JSON in the clear: it tells what is public.
 */
export class BlobContractStore implements ContractStore {
  readonly #blobs: BlobStore;
  readonly #prefix: string;

  /** @param name of the key's blob */
  constructor(blobs: BlobStore, name: string) {
    this.#blobs = blobs;
    this.#prefix = `${name}.contract.`;
  }

  /**
   * The model's contract, or null if it was never used.
   *
   * @throws {CipherlayerError} "key-corrupt" if the blob is damaged: a contract that
   * was forgotten would let any other in
   */
  async read(model: string): Promise<string | null> {
    const bytes = await this.#blobs.read(this.#nameOf(model));
    if (bytes === null) return null;
    try {
      const kept = JSON.parse(new TextDecoder().decode(bytes));
      if (kept.model === model && isContract(kept.contract)) {
        return kept.contract;
      }
    } catch {
      // Told below.
    }
    throw new CipherlayerError(
      "key-corrupt",
      `Cannot read the contract of model ${model}: expected it in ${
        this.#nameOf(model)
      }, got something else`,
    );
  }

  /**
   * Remembers the contract if there is none, and tells whether it did. Blobs that have
   * no `create` cannot tell which of two first uses at once came first.
   */
  async create(model: string, contract: string): Promise<boolean> {
    const name = this.#nameOf(model), bytes = bytesOf(model, contract);
    if (this.#blobs.create) return await this.#blobs.create(name, bytes);
    if (await this.#blobs.read(name) !== null) return false;
    await this.#blobs.write(name, bytes);
    return true;
  }

  /** Remembers the contract. */
  async write(model: string, contract: string): Promise<void> {
    await this.#blobs.write(this.#nameOf(model), bytesOf(model, contract));
  }

  #nameOf(model: string): string {
    const digest = sha256(new TextEncoder().encode(model));
    return this.#prefix + bytesToHex(digest.subarray(0, 8));
  }
}

function bytesOf(model: string, contract: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify({ model, contract }) + "\n");
}
