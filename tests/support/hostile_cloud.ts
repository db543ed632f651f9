/**
 * Functions in the hands of somebody hostile, on a real port: whatever they answer
 * can be changed on its way, and every request is written down.
 *
 * @module
 */
import { createApp } from "../../functions/app.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../sdk/paillier/public/big_integer.ts";
import { PublicKey } from "../../sdk/paillier/public/public_key.ts";
import {
  decodeRoundRequest,
  decodeRoundResponse,
  decodeSessionRequest,
  decodeSessionResponse,
  encodeRoundResponse,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import type { SessionResponse } from "../../sdk/wire/messages.ts";
import { sealingKey } from "./cloud.ts";
import { labels } from "./sealed_session.ts";

/** What the cloud knows when it forges the answer of a round: no private key. */
export interface Forging {
  round: number;
  publicKey: PublicKey;
  /** What the gateway sent in this round. */
  sent: bigint[];
  /** What it sent in round 0. */
  first: bigint[];
  /** What an honest cloud would answer. */
  honest: bigint[];
}

/** How a cloud cheats; what is not given is honest. */
export interface Cheat {
  /** Changes the reply to a session's start; `count` from 1. */
  session?: (reply: SessionResponse, count: number) => void;
  /** Ciphertexts in place of a round's. */
  forge?: (forging: Forging) => bigint[];
  /** Token in place of a round's. */
  token?: (token: Uint8Array, round: number) => Uint8Array;
  /** Answers a request itself, or changes the reply that it would get. */
  reply?: (
    request: Request,
    reply: Response,
    count: number,
  ) => Response | Promise<Response>;
}

export interface HostileCloud extends AsyncDisposable {
  url: string;
  /** Method, path and size of each request so far. */
  requests: string[];
  /** SHA-256 of the bodies, in the same order. */
  digests: string[];
}

const cborHeaders = { "content-type": "application/cbor" };

export function startHostileCloud(
  model: ModelPackage,
  cheat: Cheat,
): HostileCloud {
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
    budget: labels(Infinity),
  });
  const requests: string[] = [], digests: string[] = [];
  let sessions = 0;
  let publicKey: PublicKey;
  let first: bigint[] = [];

  const changeSession = async (body: Uint8Array, reply: Response) => {
    publicKey = new PublicKey(
      bigIntFromBytes(decodeSessionRequest(body).modulus),
    );
    const session = decodeSessionResponse(await reply.bytes());
    cheat.session?.(session, ++sessions);
    return new Response(new Uint8Array(encodeSessionResponse(session)), {
      headers: cborHeaders,
    });
  };
  const changeRound = async (
    body: Uint8Array,
    reply: Response,
    round: number,
  ) => {
    const size = publicKey.ciphertextBytes;
    const sent = split(decodeRoundRequest(body).ciphertexts, size);
    if (round === 0) first = sent;
    const answer = decodeRoundResponse(await reply.bytes());
    const honest = split(answer.ciphertexts, size);
    const forged = cheat.forge?.({ round, publicKey, sent, first, honest }) ??
      honest;
    const token = cheat.token?.(answer.token, round) ?? answer.token;
    const ciphertexts = new Uint8Array(size * forged.length);
    forged.forEach((value, i) =>
      ciphertexts.set(bytesFromBigInt(value, size), i * size)
    );
    return new Response(
      new Uint8Array(encodeRoundResponse({ token, ciphertexts })),
      { headers: cborHeaders },
    );
  };

  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const body = await request.clone().bytes();
      requests.push(`${request.method} ${pathname}${search} ${body.length}`);
      const digest = await crypto.subtle.digest("SHA-256", body);
      digests.push(new Uint8Array(digest).toHex());
      const count = requests.length;
      let reply = await app.fetch(request.clone());
      if (reply.ok && pathname === "/v1/sessions") {
        reply = await changeSession(body, reply);
      } else if (reply.ok && pathname.startsWith("/v1/rounds/")) {
        reply = await changeRound(body, reply, Number(pathname.split("/")[3]));
      }
      return await cheat.reply?.(request, reply, count) ?? reply;
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    digests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function split(bytes: Uint8Array, size: number): bigint[] {
  return Array.from(
    { length: bytes.length / size },
    (_, i) => bigIntFromBytes(bytes.subarray(i * size, (i + 1) * size)),
  );
}
