/**
 * What a hostile cloud may try against sealed inferences of the real SDK, over HTTP.
 * Whatever it sends, the requests are those of a reading of zeros, and how the
 * inference ends is the same whatever the reading.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { concat } from "../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { bytesFromBigInt } from "../../sdk/paillier/public/big_integer.ts";
import { pointBytes } from "../../sdk/transfer/curve/curve.ts";
import {
  SequenceReader,
  sequenceType,
  writeSequence,
} from "../../sdk/wire/byte_sequence.ts";
import {
  decodeSealed,
  encodeSealed,
  type LinearResponse,
} from "../../sdk/wire/sealed_messages.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import { PublicKey } from "../../sdk/paillier/public/public_key.ts";
import { type Cheat, startHostileCloud } from "../support/hostile_cloud.ts";
import { model, openSealed, sampleOf } from "../support/sealed_session.ts";
import { testKey } from "../vectors/keys.ts";

const { modulus } = testKey(512).publicKey;
const publicKey = new PublicKey(modulus);
const size = publicKey.ciphertextBytes;
const { reading } = sampleOf(2);
const zeros = sampleOf(1).reading.map(() => 0);
const last = model.manifest.rounds.length - 1;

type Reply = NonNullable<Cheat["reply"]>;
type Outcome = "answer" | CipherlayerError["code"];

const cbor = (body: Uint8Array) =>
  new Response(body as Uint8Array<ArrayBuffer>, {
    headers: { "content-type": "application/cbor" },
  });
const at =
  (path: string, change: (reply: Response) => Promise<Response>): Reply =>
  (request, reply) =>
    reply.ok && new URL(request.url).pathname.endsWith(path)
      ? change(reply)
      : reply;

/** Changes the reply to a linear call. */
const linear = (
  round: number,
  change: (reply: LinearResponse) => Partial<LinearResponse>,
): Reply =>
  at(`rounds/${round}`, async (reply) => {
    const message = decodeSealed("linearResponse", await reply.bytes());
    return cbor(encodeSealed({ ...message, ...change(message) }));
  });

async function itemsOf(reply: Response): Promise<Uint8Array[]> {
  const items: Uint8Array[] = [];
  const reader = new SequenceReader(
    (item) => void items.push(item),
    1000,
  );
  await reader.push(await reply.bytes());
  await reader.finish();
  return items;
}

async function sequence(items: Uint8Array[]): Promise<Response> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeSequence(items)) pieces.push(piece);
  return new Response(concat(...pieces), {
    headers: { "content-type": sequenceType },
  });
}

/** Changes head and garbled bytes of a reply; its digest is made to fit. */
const garbled = (
  round: number,
  change: (head: Uint8Array, bytes: Uint8Array) => Uint8Array[],
): Reply =>
  at(`activations/${round}`, async (reply) => {
    const [head, ...rest] = await itemsOf(reply);
    return sequence(change(head, concat(...rest)));
  });
const withHead = (change: object) => (head: Uint8Array, bytes: Uint8Array) => [
  encodeSealed({ ...decodeSealed("activationHead", head), ...change }),
  bytes,
];

/** Replaces the body of a reply to a garbled call as it is. */
const raw = (round: number, change: (body: Uint8Array) => Uint8Array): Reply =>
  at(
    `activations/${round}`,
    async (reply) =>
      new Response(change(await reply.bytes()) as Uint8Array<ArrayBuffer>, {
        headers: { "content-type": sequenceType },
      }),
  );

const constant = (plaintext: bigint) => ({ ciphertexts }: LinearResponse) => ({
  ciphertexts: concat(
    ...Array.from(
      { length: ciphertexts.length / size },
      () => bytesFromBigInt(publicKey.encrypt(plaintext), size),
    ),
  ),
});
const noise = (bytes: Uint8Array) => platformRandom(bytes.length);

const strategies: Record<string, { reply: Reply; ends: Outcome }> = {
  // Content of any kind: numbers of the right sizes come out, and the inference goes on.
  "tables of noise in the first round": {
    reply: garbled(0, (head, bytes) => [head, noise(bytes)]),
    ends: "answer",
  },
  "tables of noise in the last round, whose label does not exist": {
    reply: garbled(last, (head, bytes) => [head, noise(bytes)]),
    ends: "answer",
  },
  "tables of zeros": {
    reply: garbled(1, (head, bytes) => [head, bytes.map(() => 0)]),
    ends: "answer",
  },
  "another salt": {
    reply: garbled(0, withHead({ salt: platformRandom(16) })),
    ends: "answer",
  },
  "a batch of noise, and corrections of its own": {
    reply: linear(0, ({ batch }) => ({
      batch: { ...batch!, answer: noise(batch!.answer) },
    })),
    ends: "answer",
  },
  "a batch whose every bit is 1": {
    reply: linear(0, ({ batch }) => ({
      batch: { ...batch!, answer: batch!.answer.map(() => 255) },
    })),
    ends: "answer",
  },
  "answers of 0": { reply: linear(1, constant(0n)), ends: "answer" },
  "answers of N - 1": {
    reply: linear(0, constant(modulus - 1n)),
    ends: "answer",
  },
  // Sizes and forms, which the plan tells.
  "one ciphertext too few": {
    reply: linear(1, ({ ciphertexts }) => ({
      ciphertexts: ciphertexts.subarray(size),
    })),
    ends: "count-mismatch",
  },
  "ciphertexts of 0": {
    reply: linear(1, ({ ciphertexts }) => ({
      ciphertexts: ciphertexts.map(() => 0),
    })),
    ends: "ciphertext-out-of-range",
  },
  "no batch": { reply: linear(0, () => ({ batch: null })), ends: "malformed" },
  "a batch cut short": {
    reply: linear(0, ({ batch }) => ({
      batch: { ...batch!, answer: batch!.answer.subarray(1) },
    })),
    ends: "malformed",
  },
  "tables cut short": {
    reply: garbled(1, (head, bytes) => [head, bytes.subarray(0, -1)]),
    ends: "malformed",
  },
  "a byte too many": {
    reply: garbled(1, (head, bytes) => [head, bytes, Uint8Array.of(0)]),
    ends: "malformed",
  },
  "a salt of another length": {
    reply: garbled(1, withHead({ salt: new Uint8Array(15) })),
    ends: "malformed",
  },
  "no head": {
    reply: garbled(1, (_, bytes) => [bytes]),
    ends: "malformed",
  },
  "nothing but a digest": { reply: garbled(1, () => []), ends: "malformed" },
  "no token for the next round": {
    reply: garbled(0, withHead({ token: new Uint8Array() })),
    ends: "token-mismatch",
  },
  "a token after the last round": {
    reply: garbled(last, withHead({ token: new Uint8Array(9) })),
    ends: "token-mismatch",
  },
  // Bytes that break on the way: the same call again.
  "a reply without its end": {
    reply: raw(1, (body) => body.subarray(0, -40)),
    ends: "network",
  },
  "a bit of a table": {
    reply: raw(1, (body) => body.with(700, body[700] ^ 1)),
    ends: "network",
  },
  "an item of 4 gigabytes": {
    reply: raw(1, () => Uint8Array.of(0x5a, 255, 255, 255, 255, 1, 2, 3)),
    ends: "network",
  },
  "empty items": {
    reply: raw(1, (body) => body.map(() => 0x40)),
    ends: "network",
  },
  "items of one byte": {
    reply: raw(1, (body) => body.map((_, i) => i % 2 === 0 ? 0x41 : 0)),
    ends: "network",
  },
  "a reply that is no sequence": {
    reply: raw(0, (body) => body.map(() => 0xff)),
    ends: "network",
  },
  "a reply without end": {
    reply: at("activations/1", () =>
      Promise.resolve(
        new Response(
          new ReadableStream<Uint8Array>({
            pull: (controller) => controller.enqueue(new Uint8Array(2 ** 16)),
          }),
          { headers: { "content-type": sequenceType } },
        ),
      )),
    ends: "body-too-large",
  },
};

const outcomeOf = (error: unknown): Outcome => {
  if (error instanceof CipherlayerError) return error.code;
  throw error;
};

Deno.test("a hostile cloud learns nothing of a sealed inference", async (t) => {
  const cheat: Cheat = {};
  await using cloud = startHostileCloud(model, cheat);
  await using session = await openSealed(cloud.url);
  interface Run {
    outcome: Outcome;
    requests: string[];
    digests: string[];
  }
  /** One inference: the next one where transfers are renewed, as happens after so many. */
  const run = async (values: number[]): Promise<Run> => {
    cloud.requests.length = 0;
    cloud.digests.length = 0;
    const outcome: Outcome = await session.infer(values)
      .then(({ predicted, label }) => {
        ok(predicted >= 0 && predicted < 4 && label === null);
        return "answer" as const;
      }, outcomeOf);
    const requests = [...cloud.requests], digests = [...cloud.digests];
    return requests.some((line) => line.includes("/roots"))
      ? await run(values)
      : { outcome, requests, digests };
  };
  await run(reading);
  for (const [name, { reply, ends }] of Object.entries(strategies)) {
    await t.step(`by ${name}`, async () => {
      cheat.reply = reply;
      const { requests } = await run(zeros);
      const other = await run(reading);
      equal(other.outcome, ends);
      deepEqual(other.requests, requests);
      // A call that is made again is the same, byte for byte.
      const paths = new Set(requests);
      equal(new Set(other.digests).size, paths.size);
      ok(ends === "network" ? paths.size < requests.length : true);
    });
  }
});

Deno.test("uses a set-up of noise like any other; refuses one of another size or without points", async () => {
  const cheat: Cheat = {};
  const answered = (change: (answer: Uint8Array) => Uint8Array): Reply =>
    at("transfers", async (reply) => {
      const message = decodeSealed("batchResponse", await reply.bytes());
      return cbor(
        encodeSealed({ ...message, answer: change(message.answer) }),
      );
    });
  await using cloud = startHostileCloud(model, cheat);
  const requests: string[][] = [], outcomes: Outcome[] = [];
  const run = async (reply: Reply, values: number[]) => {
    cheat.reply = reply;
    cloud.requests.length = 0;
    const infer = async (): Promise<Outcome> => {
      await using session = await openSealed(cloud.url);
      await session.infer(values);
      return "answer";
    };
    outcomes.push(await infer().catch(outcomeOf));
    requests.push([...cloud.requests]);
  };
  const point = (answer: Uint8Array) => answer.subarray(0, pointBytes);
  const noisy = answered((answer) =>
    concat(point(answer), noise(answer.subarray(pointBytes)))
  );
  await run(noisy, zeros);
  await run(noisy, reading);
  deepEqual(requests[0], requests[1]);
  await run(answered((answer) => answer.subarray(1)), reading);
  await run(
    answered((answer) => answer.map((byte, i) => i < pointBytes ? 255 : byte)),
    reading,
  );
  deepEqual(outcomes, ["answer", "answer", "malformed", "malformed"]);
});

const plans: Record<
  string,
  [change: (plan: InferencePlan) => void, code: string]
> = {
  "some rounds sealed": [
    ({ rounds }) => delete rounds[1].valueBits,
    "malformed",
  ],
  "scores revealed": [(plan) => plan.reveal = "scores", "malformed"],
  "the label of a part": [
    ({ outputs: [output] }) => output.shape = [3],
    "malformed",
  ],
  "values wider than their slots": [
    ({ rounds: [round] }) => round.valueBits = 53,
    "unsupported",
  ],
  "a pool of more cells than a call may join": [
    ({ rounds: [{ steps }] }) =>
      steps.unshift({
        op: "maxPool",
        kernel: [1024, 1024],
        stride: [1, 1],
        dilation: [1, 1],
        pads: [512, 512, 512, 512],
      }),
    "unsupported",
  ],
  "a table of 2^15 entries for each value": [
    ({ rounds: [{ steps }] }) =>
      steps.unshift({
        op: "lookup",
        multiplier: 2 ** 12,
        shift: 0,
        low: -(2 ** 14),
        table: Array.from({ length: 2 ** 15 }, (_, i) => i % 7),
      }),
    "unsupported",
  ],
};

for (const [name, [change, code]] of Object.entries(plans)) {
  Deno.test(`a sealed plan with ${name} is refused when the session begins`, async () => {
    await using cloud = startHostileCloud(model, {
      session: ({ plan }) => change(plan),
    });
    const refused = await openSealed(cloud.url)
      .then(() => "connected", outcomeOf);
    equal(refused, code);
  });
}
