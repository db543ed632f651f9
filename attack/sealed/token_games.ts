/**
 * Tokens where they do not belong, and other shapes of calls that no honest gateway
 * makes: each must be refused.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { encodeSealed } from "../../sdk/wire/sealed_messages.ts";
import type { SealedClient } from "./sealed_client.ts";

/** What a game came to. */
export interface GameFinding {
  game: string;
  /** What the functions said; null: they answered. */
  refusal: string | null;
}

/** Plays all games with the tokens of an inference that is open in its last round. */
export async function tokenGames(client: SealedClient): Promise<GameFinding[]> {
  const { last } = client;
  const open = await client.ask(last), first = await client.ask(0);
  const { request } = client.requestOf(open);
  const { request: earlier } = client.requestOf(first);
  const linear = client.linearTokens[last];
  const flipped = request.token.with(40, request.token[40] ^ 1);
  const garble = (round: number, change: object, query = "") =>
    client.post(
      `sealed/activations/${round}${query}`,
      encodeSealed({ ...request, ...change }),
    );
  const evaluate = (token: Uint8Array) =>
    client.post(
      `sealed/rounds/${last}`,
      encodeSealed({ token, ciphertexts: new Uint8Array(1), batch: null }),
    );
  const { batch } = request, { choices } = request;
  const games: Record<string, () => Promise<unknown>> = {
    "a linear token opens a garbled call": () =>
      garble(last, { token: linear }),
    "a garbled call's token opens a linear one": () => evaluate(request.token),
    "a batch's token opens a linear call": () => evaluate(batch),
    "a batch's token opens a garbled call": () =>
      garble(last, { token: batch }),
    "a linear token opens transfers": () => garble(last, { batch: linear }),
    "a token of the first round opens the last": () =>
      garble(last, { ...earlier }),
    "a token of the last round opens the first": () => garble(0, {}),
    "a bit of a token": () => garble(last, { token: flipped }),
    "a bit of a batch's token": () =>
      garble(last, { batch: batch.with(40, batch[40] ^ 1) }),
    "an empty token": () => garble(last, { token: new Uint8Array() }),
    "choices beyond the batch": () => garble(last, { from: 2 ** 24 }),
    "a choice too few": () => garble(last, { choices: choices.subarray(1) }),
    "choices too many": () =>
      garble(last, { choices: new Uint8Array(choices.length + 1) }),
    "a shard that the plan does not have": () => garble(last, {}, "?shard=0/2"),
    "a sealed token in an open round": () =>
      client.post(
        `rounds/${last}`,
        encodeSealed({
          token: linear,
          ciphertexts: new Uint8Array(64),
          batch: null,
        }),
      ),
    "a set-up with a garbled call's token": () =>
      client.post(
        "sealed/transfers",
        encodeSealed({ token: request.token, request: new Uint8Array(9) }),
      ),
  };
  const findings: GameFinding[] = [];
  for (const [game, play] of Object.entries(games)) {
    findings.push({ game, refusal: await refusalOf(play) });
  }
  return findings;
}

async function refusalOf(play: () => Promise<unknown>): Promise<string | null> {
  try {
    await play();
    return null;
  } catch (error) {
    if (!(error instanceof CipherlayerError)) throw error;
    // What broke on the way, or here, is no refusal.
    return error.status === null ? null : error.code;
  }
}
