/**
 * Objects in a bucket of S3, or of a service like it.
 *
 * @module
 */
import {
  checkObjectKey,
  type ObjectStore,
  type StoredObject,
} from "./object_store.ts";
import {
  expectOk,
  type S3Call,
  S3Calls,
  type S3Credentials,
  storeFault,
} from "./s3_calls.ts";
import { parseListing } from "./s3_listing.ts";

/** A bucket of S3, or of a service that speaks like it. */
export interface S3Options extends S3Credentials {
  bucket: string;
  /** Put before every key, so that a bucket can be shared. */
  prefix?: string;
  /** Default: Amazon's of the region. Buckets are addressed by path. */
  endpoint?: string;
}

/** An empty object that tells whether the service keeps to conditions. */
const probeKey = "conditions";
/** The tag of no object. */
const wrongTag = '"00000000000000000000000000000000-0"';
/** A listing of more is one that goes in circles. */
const maxPages = 10_000;

/**
 * Objects in an S3-compatible bucket, which must know conditional writes
 * (`If-Match`, `If-None-Match` of PutObject: Amazon since 2024, MinIO, R2, Ceph) and
 * give strong tags.
 */
export class S3ObjectStore implements ObjectStore {
  readonly #calls: S3Calls;
  readonly #bucket: string;
  readonly #prefix: string;
  /** Resolves once the service has kept to conditions; known from the first one on. */
  #probe: Promise<void> | undefined;

  constructor(options: S3Options) {
    const { bucket, prefix, endpoint, ...credentials } = options;
    this.#calls = new S3Calls(credentials);
    const host = endpoint ?? `https://s3.${options.region}.amazonaws.com`;
    this.#bucket = `${host.replace(/\/$/, "")}/${bucket}`;
    this.#prefix = prefix ? `${prefix}/` : "";
    if (prefix) checkObjectKey(prefix);
  }

  async get(key: string): Promise<StoredObject | null> {
    const response = await this.#send("GET", this.#url(key));
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    await expectOk(response, `read ${key}`);
    const tag = strongTag(response, `read ${key}`);
    return { bytes: new Uint8Array(await response.arrayBuffer()), tag };
  }

  async put(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean> {
    if (onlyIf !== undefined) await this.#requireConditions();
    return await this.#write(key, bytes, onlyIf);
  }

  async #write(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean> {
    const { response, isRepeated } = await this.#calls.send({
      method: "PUT",
      url: this.#url(key),
      body: bytes,
      headers: {
        ...onlyIf === null ? { "if-none-match": "*" } : {},
        ...typeof onlyIf === "string" ? { "if-match": onlyIf } : {},
      },
    });
    // 409: another conditional write of the key is under way; 404: it was removed.
    if (onlyIf !== undefined && [404, 409, 412].includes(response.status)) {
      await response.body?.cancel();
      // Said to be busy, the service may have written all the same.
      return isRepeated && equal((await this.get(key))?.bytes, bytes);
    }
    await expectOk(response, `write ${key}`);
    await response.body?.cancel();
    // Services give the tag with each write: without it, something else answered.
    strongTag(response, `write ${key}`);
    return true;
  }

  /** Services that do not know conditions write all the same, and lose changes. */
  #requireConditions(): Promise<void> {
    const probe = async () => {
      const nothing = new Uint8Array();
      await this.#write(probeKey, nothing);
      for (
        const [condition, name] of [
          [null, "If-None-Match"],
          [wrongTag, "If-Match"],
        ] as const
      ) {
        if (await this.#write(probeKey, nothing, condition)) {
          throw storeFault(
            `use it: the service ignores conditions of writes (${name})`,
          );
        }
      }
    };
    if (!this.#probe) {
      this.#probe = probe();
      this.#probe.catch(() => this.#probe = undefined);
    }
    return this.#probe;
  }

  async list(prefix: string): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    let continuation: string | undefined;
    for (let pages = 0; pages < maxPages; pages++) {
      const query = new URLSearchParams({
        "list-type": "2",
        prefix: this.#prefix + prefix,
        ...continuation ? { "continuation-token": continuation } : {},
      });
      const response = await this.#send("GET", `${this.#bucket}?${query}`);
      await expectOk(response, `list ${prefix}`);
      const { next, ...page } = this.#read(await response.text(), prefix);
      for (const [key, bytes] of page.sizes) {
        sizes.set(key.slice(this.#prefix.length), bytes);
      }
      if (next === undefined) return sizes;
      if (next === continuation) break;
      continuation = next;
    }
    throw storeFault(`list ${prefix}: the listing goes in circles`);
  }

  #read(xml: string, prefix: string) {
    try {
      return parseListing(xml, this.#prefix + prefix);
    } catch (error) {
      throw storeFault(`list ${prefix}: ${(error as Error).message}`);
    }
  }

  async delete(key: string): Promise<void> {
    const response = await this.#send("DELETE", this.#url(key));
    if (response.status !== 404) await expectOk(response, `remove ${key}`);
    await response.body?.cancel();
  }

  #url(key: string): string {
    checkObjectKey(key);
    return `${this.#bucket}/${this.#prefix}${key}`;
  }

  async #send(method: S3Call["method"], url: string): Promise<Response> {
    return (await this.#calls.send({ method, url })).response;
  }
}

/**
 * The tag of an answer, by which later writes are conditional.
 *
 * @throws {CipherlayerError} where it cannot be one
 */
function strongTag({ headers }: Response, what: string): string {
  const tag = headers.get("etag");
  if (tag !== null && /^"[\x21\x23-\x7e]+"$/.test(tag)) return tag;
  const got = tag === null
    ? "the answer has no ETag"
    : tag.startsWith("W/")
    ? "its ETag is weak"
    : "its ETag is not in quotes";
  throw storeFault(
    `${what}: ${got}, and changes of two at once could be lost; does a proxy before the service alter it?`,
  );
}

function equal(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length &&
    a.every((byte, i) => byte === b[i]);
}
