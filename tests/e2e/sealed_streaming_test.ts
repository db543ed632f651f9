/** Garbled calls of megabytes: made while they are read, and made again where they break. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { Gate } from "../../functions/admission/gate.ts";
import { createApp } from "../../functions/app.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import { SealedModel } from "../../functions/rounds/sealed/sealed_model.ts";
import { readPackage } from "../../models/package/read_package.ts";
import {
  callBytes,
  chunkCount,
  garbledBytes,
} from "../../sdk/garbling/rounds/run.ts";
import { SequenceReader, sequenceType } from "../../sdk/wire/byte_sequence.ts";
import { tinyModel } from "../reference/tiny_models.ts";
import { sealingKey } from "../support/cloud.ts";
import {
  labels,
  openSealed,
  sampleOf,
  sealedModel,
} from "../support/sealed_session.ts";

const model = sealedModel(
  tinyModel(3, [1, 12, 12], [
    { kind: "convolution", channels: 10, kernel: [3, 3], pool: "sum" },
    { kind: "dense", length: 3 },
  ]),
);
const { reading, label } = sampleOf(2, model);

Deno.test("a garbled call of megabytes", async (t) => {
  const gate = new Gate();
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
    budget: labels(Infinity),
    gate,
  });
  const call = (target: URL, init: RequestInit) =>
    Promise.resolve(app.request(target.pathname, init));
  /** Instead of the functions' own reply to the first round's garbled call. */
  let change = (reply: Response) => reply;
  const bodies: Uint8Array[] = [], replies: Response[] = [];
  await using session = await openSealed("http://localhost", {
    model: model.manifest.name,
    fetch: (async (target: URL, init: RequestInit) => {
      const reply = await call(target, init);
      if (!target.pathname.endsWith("activations/0")) return reply;
      bodies.push(init.body as Uint8Array);
      replies.push(reply);
      return change(reply);
    }) as typeof fetch,
  });
  const bytes = garbledBytes(
    new SealedModel(model, { modulusBits: 512, samples: 1 }).rounds[0].stages,
  );
  ok(bytes > 2 ** 20, `${bytes}`);
  const inFlight = () => [gate.running, gate.waiting, gate.bodyBytes];

  await t.step("is evaluated as it comes, and gives the label", async () => {
    const answer = await session.infer(reading);
    equal(answer.predicted, label);
    ok(answer.rounds[0].bytesDown > bytes);
    equal(replies[0].headers.get("content-type"), sequenceType);
    deepEqual(inFlight(), [0, 0, 0]);
  });

  await t.step("is the same bytes each time, of any instance", async () => {
    const again = createApp({
      models: new MemoryModelStore(model),
      sealingKey,
      insecureKeys: true,
      budget: labels(Infinity),
    });
    const digests = [];
    for (const instance of [app, again, app]) {
      const reply = await instance.request("/v1/sealed/activations/0", {
        method: "POST",
        headers: { "content-type": "application/cbor" },
        body: bodies[0] as Uint8Array<ArrayBuffer>,
      });
      const body = await reply.bytes();
      const items: number[] = [];
      const reader = new SequenceReader(
        (item) => void items.push(item.length),
        1000,
      );
      await reader.push(body);
      await reader.finish();
      ok(items.length > 4);
      digests.push(
        new Uint8Array(await crypto.subtle.digest("SHA-256", body)).toHex(),
      );
    }
    equal(new Set(digests).size, 1);
  });

  await t.step(
    "is asked for again, byte for byte, where it breaks in the middle",
    async () => {
      bodies.length = 0;
      const breaks = [10, bytes / 2, bytes];
      change = (reply) => {
        const end = breaks.shift();
        return end === undefined ? reply : brokenAfter(reply, end);
      };
      await using patient = await openSealed("http://localhost", {
        model: model.manifest.name,
        retry: () => 0,
        fetch: (async (target: URL, init: RequestInit) => {
          const reply = await call(target, init);
          if (!target.pathname.endsWith("activations/0")) return reply;
          bodies.push(init.body as Uint8Array);
          return change(reply);
        }) as typeof fetch,
      });
      equal((await patient.infer(reading)).predicted, label);
      equal(bodies.length, 4);
      equal(new Set(bodies.map(String)).size, 1);
      deepEqual(inFlight(), [0, 0, 0]);
    },
  );

  await t.step(
    "holds a place and its memory until its reader goes away",
    async () => {
      const aborting = new AbortController();
      const held: number[][] = [];
      change = (reply) => {
        held.push(inFlight());
        return abortedAfter(reply, bytes / 4, aborting);
      };
      const { signal } = aborting;
      await rejects(
        session.infer(reading, { signal }),
        (reason) => reason === "enough",
      );
      // Its turn is over; the session's start needs one beside it.
      equal(held[0][0], 0);
      ok(held[0][2] > 2 ** 18, `${held[0]}`);
      deepEqual(inFlight(), [0, 0, 0]);
      change = (reply) => reply;
      equal((await session.infer(reading)).predicted, label);
    },
  );
});

/** The reply, which breaks off after so many bytes. */
function brokenAfter(reply: Response, bytes: number): Response {
  return through(
    reply,
    bytes,
    (controller) => controller.error(new TypeError("connection reset")),
  );
}

function abortedAfter(
  reply: Response,
  bytes: number,
  aborting: AbortController,
): Response {
  return through(reply, bytes, () => aborting.abort("enough"));
}

function through(
  reply: Response,
  bytes: number,
  atEnd: (controller: TransformStreamDefaultController) => void,
): Response {
  let left = bytes;
  const body = reply.body!.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk.subarray(0, Math.max(0, left)));
        const before = left;
        left -= chunk.length;
        if (before > 0 && left <= 0) atEnd(controller);
      },
    }),
  );
  return new Response(body, { headers: reply.headers });
}

Deno.test("LeNet's calls take under 8 MB of memory each, and chunks of half a megabyte", async () => {
  const lenet = await readPackage("models/zoo/lenet-mnist/package");
  const { rounds } = new SealedModel(sealedModel(lenet), {
    modulusBits: 2048,
    samples: 1,
  });
  for (const { stages, chosen } of rounds) {
    const memory = callBytes(stages, chosen.bit.length);
    ok(memory < 8e6, `${memory}`);
    const chunks = chunkCount(stages), bytes = garbledBytes(stages);
    ok(bytes / chunks < 2 ** 19, `${bytes} in ${chunks}`);
  }
});
