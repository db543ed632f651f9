/**
 * Signed calls to a bucket of S3: tried again while the service is busy, and their
 * faults told in a sentence.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import { AwsClient } from "aws4fetch";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { element } from "./s3_listing.ts";

export interface S3Credentials {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface S3Call {
  method: "GET" | "PUT" | "DELETE";
  url: string;
  body?: Uint8Array;
  headers?: Record<string, string>;
}

const timeoutMs = 30_000;
/** Tries after statuses 429 and 5xx, within about a second and a half. */
const tries = 5;
const firstPauseMs = 50;

/** Makes calls under one account's credentials. */
export class S3Calls {
  readonly #client: AwsClient;

  constructor(credentials: S3Credentials) {
    this.#client = new AwsClient({ ...credentials, service: "s3" });
  }

  /**
   * @returns the answer, and whether an earlier try may have been carried out although
   * the service said that it was busy
   * @throws {CipherlayerError} `server-fault` if the service cannot be reached, or
   * something else answers in its place
   */
  async send(
    { method, url, body, headers = {} }: S3Call,
  ): Promise<{ response: Response; isRepeated: boolean }> {
    const signal = AbortSignal.timeout(timeoutMs);
    for (let failures = 0;; failures++) {
      const response = await this.#try({
        method,
        url,
        body: body as Uint8Array<ArrayBuffer> | undefined,
        headers: {
          ...headers,
          // Signed with the rest: what arrives altered is refused.
          "x-amz-content-sha256": encodeHex(sha256(body ?? new Uint8Array())),
        },
        signal,
        // To another address, a signed call would be refused or tell of itself.
        redirect: "manual",
      });
      const isBusy = response.status >= 500 || response.status === 429;
      if (isBusy && failures + 1 < tries) {
        await response.body?.cancel();
        const jitter = platformRandom(1)[0] / 255;
        await pause(firstPauseMs * 2 ** failures * (1 + jitter) / 2);
        continue;
      }
      if (/^text\/html\b/i.test(response.headers.get("content-type") ?? "")) {
        await response.body?.cancel();
        throw storeFault(
          `reach it: a page answers in its place (status ${response.status})`,
        );
      }
      return { response, isRepeated: failures > 0 };
    }
  }

  async #try(
    { url, ...init }: RequestInit & { url: string },
  ): Promise<Response> {
    try {
      return await fetch(await this.#client.sign(url, init));
    } catch (cause) {
      throw storeFault(`reach it (${(cause as Error).message})`, cause);
    }
  }
}

/** @throws {CipherlayerError} with the service's code where the answer is an error */
export async function expectOk(
  response: Response,
  what: string,
): Promise<void> {
  if (response.ok) return;
  const answer = await response.text().catch(() => "");
  // The code alone: messages of S3 quote keys and signatures.
  const code = (element(answer, "Code") ?? "").replace(/\W/g, "").slice(0, 60);
  const clock = code === "RequestTimeTooSkewed"
    ? clockDifference(response)
    : "";
  throw storeFault(
    `${what}: status ${response.status} ${code}`.trimEnd() + clock,
  );
}

export function storeFault(what: string, cause?: unknown): CipherlayerError {
  return new CipherlayerError(
    "server-fault",
    `Cannot use the model store: cannot ${what}`,
    { retryable: true, cause },
  );
}

function clockDifference({ headers }: Response): string {
  const theirs = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(theirs)) return ": the clocks differ";
  const minutes = Math.round((Date.now() - theirs) / 60_000);
  return `: this machine's clock is ${Math.abs(minutes)} minutes ${
    minutes < 0 ? "behind" : "ahead of"
  } the service's`;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
