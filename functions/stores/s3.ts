/**
 * Objects in a bucket of S3, or of a service like it.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import { AwsClient } from "aws4fetch";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  checkObjectKey,
  type ObjectStore,
  type StoredObject,
} from "./object_store.ts";

/** A bucket of S3, or of a service that speaks like it. */
export interface S3Options {
  bucket: string;
  /** Put before every key, so that a bucket can be shared. */
  prefix?: string;
  /** Default: Amazon's of the region. Buckets are addressed by path. */
  endpoint?: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

const timeoutMs = 30_000;
/** An empty object that tells whether the service keeps to conditions. */
const probeKey = "conditions";
/** Tries again after statuses 429 and 5xx, within about a second and a half. */
const retries = 4;

/**
 * Objects in an S3-compatible bucket, which must know conditional writes
 * (`If-Match`, `If-None-Match` of PutObject: Amazon since 2024, MinIO, R2, Ceph).
 */
export class S3ObjectStore implements ObjectStore {
  readonly #client: AwsClient;
  readonly #bucket: string;
  readonly #prefix: string;
  /** Whether the service keeps to conditions; known from the first one on. */
  #conditional: Promise<boolean> | undefined;

  constructor(options: S3Options) {
    const { accessKeyId, secretAccessKey, sessionToken, region } = options;
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      sessionToken,
      region,
      service: "s3",
      retries,
    });
    const endpoint = options.endpoint ?? `https://s3.${region}.amazonaws.com`;
    this.#bucket = `${endpoint.replace(/\/$/, "")}/${options.bucket}`;
    this.#prefix = options.prefix ? `${options.prefix}/` : "";
    if (this.#prefix) checkObjectKey(options.prefix!);
  }

  async get(key: string): Promise<StoredObject | null> {
    const response = await this.#send("GET", this.#url(key));
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    await expectOk(response, `read ${key}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { bytes, tag: response.headers.get("etag") ?? "" };
  }

  async put(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean> {
    if (onlyIf !== undefined && !await this.#keepsConditions()) {
      throw fault("use it: the service ignores conditions of writes");
    }
    return await this.#write(key, bytes, onlyIf);
  }

  async #write(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean> {
    const response = await this.#send("PUT", this.#url(key), bytes, {
      ...onlyIf === null ? { "if-none-match": "*" } : {},
      ...onlyIf ? { "if-match": onlyIf } : {},
    });
    // 409: another conditional write of the key is under way; 404: it was removed.
    if (onlyIf !== undefined && [404, 409, 412].includes(response.status)) {
      await response.body?.cancel();
      return false;
    }
    await expectOk(response, `write ${key}`);
    await response.body?.cancel();
    return true;
  }

  /** Services that do not know conditions write all the same, and lose changes. */
  #keepsConditions(): Promise<boolean> {
    const probe = async () => {
      await this.#write(probeKey, new Uint8Array());
      return !await this.#write(probeKey, new Uint8Array(), null);
    };
    if (!this.#conditional) {
      this.#conditional = probe();
      this.#conditional.catch(() => this.#conditional = undefined);
    }
    return this.#conditional;
  }

  async list(prefix: string): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    let continuation: string | undefined;
    do {
      const query = new URLSearchParams({
        "list-type": "2",
        prefix: this.#prefix + prefix,
        ...continuation ? { "continuation-token": continuation } : {},
      });
      const response = await this.#send("GET", `${this.#bucket}?${query}`);
      await expectOk(response, `list ${prefix}`);
      const xml = await response.text();
      // Keys are of our own alphabet, which XML leaves as it is.
      for (const [, entry] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const key = element(entry, "Key").slice(this.#prefix.length);
        sizes.set(key, Number(element(entry, "Size")));
      }
      continuation = unescapeXml(element(xml, "NextContinuationToken"));
    } while (continuation);
    return sizes;
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

  async #send(
    method: string,
    url: string,
    body?: Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    try {
      return await this.#client.fetch(url, {
        method,
        body: body as Uint8Array<ArrayBuffer> | undefined,
        headers: {
          ...headers,
          // Signed with the rest: what arrives altered is refused.
          "x-amz-content-sha256": encodeHex(sha256(body ?? new Uint8Array())),
        },
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (cause) {
      throw fault(`reach it (${(cause as Error).message})`, cause);
    }
  }
}

async function expectOk(response: Response, what: string): Promise<void> {
  if (response.ok) return;
  const answer = await response.text().catch(() => "");
  // The code alone: messages of S3 quote keys and signatures.
  const code = element(answer, "Code").replace(/\W/g, "").slice(0, 60);
  throw fault(`${what}: status ${response.status} ${code}`.trimEnd());
}

function fault(what: string, cause?: unknown): CipherlayerError {
  return new CipherlayerError(
    "server-fault",
    `Cannot use the model store: cannot ${what}`,
    { retryable: true, cause },
  );
}

/** The text of the first element of a name; empty if there is none. */
function element(xml: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
}

function unescapeXml(text: string): string {
  const marks = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(
    /&(lt|gt|quot|apos|amp);/g,
    (_, name: keyof typeof marks) => marks[name],
  );
}
