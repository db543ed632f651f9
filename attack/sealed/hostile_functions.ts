/**
 * Functions that cheat, and the SDK as their victim: whatever they answer, its requests
 * are those of a reading of zeros.
 *
 * @module
 */
import { serveLocally } from "../../functions/hosts/serve_locally.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { connect } from "../../sdk/session/session.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { concat } from "../../sdk/support/bytes.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import {
  SequenceReader,
  sequenceType,
  writeSequence,
} from "../../sdk/wire/byte_sequence.ts";
import { decodeSealed, encodeSealed } from "../../sdk/wire/sealed_messages.ts";

/** What one way of cheating came to. */
export interface CheatFinding {
  cheat: string;
  /** Whether requests told two readings apart. */
  differs: boolean;
}

type Change = (path: string, reply: Response) => Promise<Response>;

const noise = (bytes: Uint8Array) => platformRandom(bytes.length);
const onLinear = (change: (batch: Uint8Array) => Uint8Array): Change =>
async (
  path,
  reply,
) => {
  if (!path.endsWith("rounds/0")) return reply;
  const message = decodeSealed("linearResponse", await reply.bytes());
  const batch = message.batch &&
    { ...message.batch, answer: change(message.batch.answer) };
  return new Response(
    encodeSealed({ ...message, batch }) as Uint8Array<ArrayBuffer>,
    { headers: { "content-type": "application/cbor" } },
  );
};
const onTables = (change: (bytes: Uint8Array) => Uint8Array): Change =>
async (
  path,
  reply,
) => {
  if (!path.includes("activations/")) return reply;
  const items: Uint8Array[] = [], pieces: Uint8Array[] = [];
  const reader = new SequenceReader((item) => void items.push(item), 1e6);
  await reader.push(await reply.bytes());
  await reader.finish();
  const [head, ...tables] = items;
  const changed = [head, ...tables.map(change)];
  for await (const piece of writeSequence(changed)) pieces.push(piece);
  return new Response(concat(...pieces), {
    headers: { "content-type": sequenceType },
  });
};
const zeros = (bytes: Uint8Array) => new Uint8Array(bytes.length);

const cheats: Record<string, Change> = {
  "corrections of noise": onLinear(noise),
  "corrections of zeros": onLinear(zeros),
  "corrections of ones": onLinear((answer) => answer.map(() => 255)),
  "tables of noise": onTables(noise),
  "tables of zeros": onTables(zeros),
  "a bit of each chunk": onTables((bytes) => bytes.with(9, bytes[9] ^ 1)),
};

/** Cheats in each way, on a reading and on zeros. */
export async function hostileFunctions(
  { fetch: functions, model, key, reading }: {
    fetch: (request: Request) => Response | Promise<Response>;
    model: string;
    key: PrivateKey;
    reading: number[];
  },
): Promise<CheatFinding[]> {
  const views = new Map<string, string[]>();
  let change: Change, seen: string[];
  const server = serveLocally(async (request) => {
    const body = await request.bytes();
    const path = new URL(request.url).pathname;
    seen.push(`${path} ${body.length}`);
    const { url, method, headers } = request;
    const reply = await functions(
      new Request(url, method === "GET" ? request : { method, headers, body }),
    );
    return reply.ok ? await change(path, reply) : reply;
  });
  try {
    for (const values of [reading, reading.map(() => 0)]) {
      seen = [];
      change = (_, reply) => Promise.resolve(reply);
      await using session = await connect({
        url: server.url,
        model,
        keys: key,
      });
      for (const [cheat, cheating] of Object.entries(cheats)) {
        seen = [];
        change = cheating;
        await session.infer(values, { clamp: true }).catch((error) => {
          if (!(error instanceof CipherlayerError)) throw error;
        });
        views.set(cheat, [...views.get(cheat) ?? [], seen.join()]);
      }
    }
  } finally {
    await server.shutdown();
  }
  return [...views].map(([cheat, [own, ofZeros]]) => ({
    cheat,
    differs: own !== ofZeros,
  }));
}
