/**
 * The control plane of the functions, as an owner calls it (PROTOCOL.md).
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { platformClock } from "../../sdk/support/clock.ts";
import { exponentialBackoff, withRetries } from "../../sdk/session/retry.ts";
import { networkFault } from "../../sdk/session/reply_faults.ts";
import { problem } from "../../sdk/session/transport.ts";
import type {
  ModelStatus,
  UploadStatus,
} from "../../models/package/version_status.ts";

export interface ControlPlaneOptions {
  /** Where the functions are. */
  url: string;
  /** The owner's bearer token. */
  token: string;
  /** Told of a fault that is waited out. */
  onRetry?: (delayMs: number, error: CipherlayerError) => void;
}

const timeoutMs = 120_000;
/** With waits that double from a quarter of a second: about half a minute. */
const attempts = 8;

/**
 * The owner's operations. Calls may be repeated without harm, and are, after faults
 * that may pass.
 */
export class ControlPlane {
  readonly #base: URL;
  readonly #token: string;
  readonly #onRetry: ControlPlaneOptions["onRetry"];

  /** @throws {TypeError} if the URL is none */
  constructor({ url, token, onRetry }: ControlPlaneOptions) {
    this.#base = new URL(url);
    if (!this.#base.pathname.endsWith("/")) this.#base.pathname += "/";
    this.#token = token;
    this.#onRetry = onRetry;
  }

  list(): Promise<ModelStatus[]> {
    return this.#ask("GET", "");
  }

  status(name: string): Promise<ModelStatus> {
    return this.#ask("GET", part(name));
  }

  begin(name: string, signed: string): Promise<UploadStatus> {
    const body = new TextEncoder().encode(signed);
    return this.#ask("POST", `${part(name)}/uploads`, body);
  }

  async putChunk(
    name: string,
    id: string,
    digest: string,
    bytes: Uint8Array,
  ): Promise<void> {
    const path = `${part(name)}/uploads/${id}/chunks/${digest}`;
    await this.#call("PUT", path, bytes);
  }

  commit(name: string, id: string): Promise<ModelStatus> {
    return this.#ask("POST", `${part(name)}/uploads/${id}/commit`);
  }

  activate(name: string, version: string): Promise<ModelStatus> {
    const path = `${part(name)}/versions/${part(version)}/activate`;
    return this.#ask("POST", path);
  }

  /** Names the version to go back to, so that a repeated call goes back once. */
  async rollBack(name: string): Promise<ModelStatus> {
    const { previous } = await this.status(name);
    const query = previous === null ? "" : `?to=${part(previous)}`;
    return await this.#ask("POST", `${part(name)}/rollback${query}`);
  }

  withdraw(name: string): Promise<ModelStatus> {
    return this.#ask("POST", `${part(name)}/withdraw`);
  }

  remove(name: string, version: string): Promise<ModelStatus> {
    return this.#ask("DELETE", `${part(name)}/versions/${part(version)}`);
  }

  async #ask<T>(method: string, path: string, body?: Uint8Array): Promise<T> {
    const text = await this.#call(method, path, body);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new CipherlayerError(
        "malformed",
        `Cannot read answer of ${this.#base.host}: expected JSON`,
        { cause },
      );
    }
  }

  #call(method: string, path: string, body?: Uint8Array): Promise<string> {
    return withRetries(() => this.#send(method, path, body), {
      policy: exponentialBackoff({ attempts }),
      clock: platformClock,
      onRetry: (_, delayMs, error) => this.#onRetry?.(delayMs, error),
    });
  }

  async #send(
    method: string,
    path: string,
    body?: Uint8Array,
  ): Promise<string> {
    const target = new URL(
      `v1/admin/models/${path}`.replace(/\/$/, ""),
      this.#base,
    );
    let response: Response;
    try {
      response = await fetch(target, {
        method,
        body: body as Uint8Array<ArrayBuffer> | undefined,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...body ? { "content-type": "application/octet-stream" } : {},
        },
        // A token goes to the server it was meant for.
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.ok) return await response.text();
    } catch (cause) {
      throw networkFault(target, cause);
    }
    throw await problem(response, target, this.#token);
  }
}

function part(text: string): string {
  return encodeURIComponent(text);
}
