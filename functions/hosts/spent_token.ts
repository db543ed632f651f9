/**
 * Spent tokens on Cloudflare's platform: for each token an object that exists once
 * in the world, so that of two requests one wins wherever they arrive.
 *
 * @module
 */
import { type NonceStore, rememberMs } from "../stores/spent_tokens.ts";

/** As much of the platform's `DurableObjectNamespace` as is used. */
export interface ObjectNamespace {
  idFromName(name: string): unknown;
  get(
    id: unknown,
  ): { fetch(url: string, init: RequestInit): Promise<Response> };
}

/** As much of the platform's `DurableObjectState` as is used. */
interface ObjectState {
  storage: {
    get(key: string): Promise<string | undefined>;
    put(key: string, value: string): Promise<void>;
    setAlarm(timeMs: number): Promise<void>;
    deleteAll(): Promise<void>;
  };
}

/** The class of the objects. */
export class SpentToken {
  readonly #state: ObjectState;

  constructor(state: ObjectState) {
    this.#state = state;
  }

  /** The request that the token is spent on. No other call comes in between. */
  async fetch(call: Request): Promise<Response> {
    const { request, expiresAt } = await call.json();
    const { storage } = this.#state;
    const spent = await storage.get("request");
    if (spent === undefined) {
      await storage.put("request", request);
      await storage.setAlarm(expiresAt + rememberMs);
    }
    return Response.json(spent ?? request);
  }

  /** The token has expired. */
  async alarm(): Promise<void> {
    await this.#state.storage.deleteAll();
  }
}

/** Asks the object of each token. */
export class ObjectNonceStore implements NonceStore {
  readonly #tokens: ObjectNamespace;

  constructor(tokens: ObjectNamespace) {
    this.#tokens = tokens;
  }

  async spend(
    token: string,
    request: string,
    expiresAt: number,
  ): Promise<string> {
    const object = this.#tokens.get(this.#tokens.idFromName(token));
    const answer = await object.fetch("https://spent-token/", {
      method: "POST",
      body: JSON.stringify({ request, expiresAt }),
    });
    return await answer.json();
  }
}
