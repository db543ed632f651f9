/**
 * A gateway that chooses its places of noise, and asks for one round's tables with
 * many choices: were Delta in what differs between two answers, it would be there
 * again and again.
 *
 * @module
 */
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { startTransfers } from "../../sdk/transfer/receiver.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import type { ReplySink } from "../../sdk/session/transport.ts";
import { concat } from "../../sdk/support/bytes.ts";
import { encodeSealed } from "../../sdk/wire/sealed_messages.ts";
import { SealedClient } from "./sealed_client.ts";

/** What the tables of one round told. */
export interface DifferenceFinding {
  /** Answers that were compared. */
  answers: number;
  /** How often the commonest difference of two ciphertexts came. */
  commonest: number;
}

/** Every place of noise is the first. */
const firstPlaces: RandomSource = (bytes) => new Uint8Array(bytes);

/** How many answers are asked for: the choices of each differ in some bits. */
const answersAsked = 4;

/** Compares answers to the first round's garbled call. */
export async function commonDifferences(
  { url, model, key, reading }: {
    url: string;
    model: string;
    key: PrivateKey;
    reading: Float64Array;
  },
): Promise<DifferenceFinding> {
  using client = new SealedClient(
    url,
    model,
    key,
    (gates) => startTransfers(gates, firstPlaces),
  );
  await client.reachLast(reading);
  const { request } = client.requestOf(await client.ask(0));
  const tables: Uint8Array[] = [];
  for (let i = 0; i < answersAsked; i++) {
    const choices = request.choices.map((byte, at) =>
      at % (i + 1) ? byte : byte ^ i
    );
    const bytes = new Bytes();
    await client.post(
      "sealed/activations/0",
      encodeSealed({ ...request, choices }),
      () => bytes,
    );
    tables.push(bytes.all());
  }
  return { answers: answersAsked, commonest: commonest(tables) };
}

class Bytes implements ReplySink {
  readonly #pieces: Uint8Array[] = [];

  push(bytes: Uint8Array): Promise<void> {
    this.#pieces.push(bytes.slice());
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  all(): Uint8Array {
    return concat(...this.#pieces);
  }
}

/**
 * How often the commonest difference comes, of sixteen bytes as lanes stand: four words,
 * four words apart, at one place of two answers.
 */
export function commonest(tables: readonly Uint8Array[]): number {
  const counts = new Map<string, number>();
  let most = 0;
  for (const [i, a] of tables.entries()) {
    for (const b of tables.slice(0, i)) {
      const xor = a.map((byte, at) => byte ^ b[at]);
      for (let at = 0; at + 52 <= xor.length; at++) {
        const words = [0, 16, 32, 48].map((w) =>
          xor.subarray(at + w, at + w + 4)
        );
        if (words.every((word) => word.every((byte) => byte === 0))) continue;
        const key = words.join();
        const count = (counts.get(key) ?? 0) + 1;
        counts.set(key, count);
        if (count > most) most = count;
      }
    }
  }
  return most;
}
