/**
 * Models read and prepared, kept within a number of bytes.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";

interface Entry {
  model: Promise<ModelPackage>;
  /** 0 until the model has been read. */
  bytes: number;
}

/** What a model takes made ready, however small. */
const preparedBytes = 1.5 * 2 ** 20;
/**
 * Bytes that a byte of weights takes: itself, and as digits and tables of the rounds of
 * all plans that are kept. Measured, 8 plans each: ResNet-20 12.5, LeNet 3.3.
 */
const preparedFactor = 13;
/** Circuits of all plans that are kept of a sealed model: LeNet's take 6 MiB a plan. */
const circuitBytes = 2 * 7 * 2 ** 20;
/** Memory for loaded packages, made ready for keys and batches. */
export const defaultCacheBytes = 256 * 2 ** 20;

/**
 * Loaded packages of at most `maxBytes` together, the last one used always among
 * them; the one not used for longest goes first. Each is read once, however many
 * ask for it at a time.
 */
export class ModelCache {
  readonly #entries = new Map<string, Entry>();
  readonly #maxBytes: number;

  constructor(maxBytes: number = defaultCacheBytes) {
    this.#maxBytes = maxBytes;
  }

  /** The package under `key`, read by `read` where it is absent; a failure is not kept. */
  get(key: string, read: () => Promise<ModelPackage>): Promise<ModelPackage> {
    const known = this.#entries.get(key);
    if (known) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.model;
    }
    const entry: Entry = { model: read(), bytes: 0 };
    this.#entries.set(key, entry);
    entry.model.then(
      (model) => {
        entry.bytes = bytesOf(model);
        this.#evict();
      },
      () => this.#entries.delete(key),
    );
    return entry.model;
  }

  #evict(): void {
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry.bytes;
    for (const [key, entry] of this.#entries) {
      if (bytes <= this.#maxBytes || this.#entries.size === 1) return;
      // Packages still being read have no size yet, and callers wait for them.
      if (entry.bytes === 0) continue;
      this.#entries.delete(key);
      bytes -= entry.bytes;
    }
  }
}

/** Memory of a package and of what is made of it. */
export function bytesOf({ manifest, tensors }: ModelPackage): number {
  let bytes = 0;
  for (const { data } of tensors.values()) bytes += data.byteLength;
  const circuits = manifest.privacy === "sealed" ? circuitBytes : 0;
  return preparedBytes + preparedFactor * bytes + circuits;
}
