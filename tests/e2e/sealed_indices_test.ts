/**
 * Transfers are used once: whatever a cloud does to calls, no number of a transfer is
 * in two different messages.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Transfers } from "../../sdk/sealed/transfers.ts";
import { platformClock } from "../../sdk/support/clock.ts";
import { decodeSealed } from "../../sdk/wire/sealed_messages.ts";
import { tinyModel } from "../reference/tiny_models.ts";
import { expired, startCloud } from "../support/cloud.ts";
import {
  labels,
  openSealed,
  sampleOf,
  sealedModel,
} from "../support/sealed_session.ts";
import { dealBatch } from "../support/sealed.ts";
import { seededBytes } from "../transfer/kernels.ts";

const model = sealedModel(
  tinyModel(9, [4], [{ kind: "dense", length: 3 }, {
    kind: "dense",
    length: 2,
  }]),
);

/** Which message took each transfer, by batch and number. */
class Log {
  readonly #taken = new Map<string, string>();
  messages = 0;
  transfers = 0;

  note(path: string, body: Uint8Array): void {
    this.messages++;
    const name = path.split("/").at(-2);
    if (path.endsWith("roots")) {
      this.#take(decodeSealed("batchRequest", body), body);
    } else if (name === "rounds") {
      const { batch } = decodeSealed("linearRequest", body);
      if (batch) this.#take(batch, body);
    } else if (name === "activations") {
      const request = decodeSealed("activationRequest", body);
      this.#take({ ...request, token: request.batch }, body);
    }
  }

  #take(
    { token, from, choices }: {
      token: Uint8Array;
      from: number;
      choices: Uint8Array;
    },
    body: Uint8Array,
  ): void {
    for (let i = 0; i < 8 * choices.length; i++) {
      const transfer = `${token} ${from + i}`, message = `${body}`;
      const before = this.#taken.get(transfer);
      // Bits that fill the last byte up are no choices.
      if (before === undefined) this.transfers++;
      else if (i < 8 * choices.length - 7) {
        equal(before === message, true, "a transfer in two messages");
      }
      if (i < 8 * choices.length - 7) this.#taken.set(transfer, message);
    }
  }
}

/** What becomes of one call: what the gateway gets instead of the reply. */
const faults: Record<
  string,
  (reply: () => Promise<Response>) => Promise<Response>
> = {
  "refused": () => Promise.resolve(new Response(null, { status: 503 })),
  "answered, and the answer lost": async (reply) => {
    await (await reply()).body?.cancel();
    throw new TypeError("connection reset");
  },
  "cut": async (reply) => {
    const bytes = await (await reply()).bytes();
    return new Response(bytes.subarray(0, bytes.length >> 1), {
      headers: { "content-type": "application/cbor-seq" },
    });
  },
  "of an expired token": () => Promise.resolve(expired()),
};

Deno.test("no transfer is in two messages, though every call in turn is refused, lost, cut or expired", async () => {
  await using cloud = startCloud([model], { budget: labels(Infinity) });
  const log = new Log();
  let call = 0, failing = -1, fails = faults.refused, stopped = false;
  await using session = await openSealed(cloud.url, {
    model: model.manifest.name,
    fetch: (target, init) => {
      const body = init!.body as Uint8Array;
      log.note(new URL(`${target}`).pathname, body);
      const reply = () => fetch(target, init);
      if (call++ !== failing) return reply();
      stopped = true;
      return fails(reply);
    },
  });
  let answers = 0;
  for (const fault of Object.values(faults)) {
    for (let at = 0; at < 4; at++) {
      [call, failing, fails, stopped] = [0, at, fault, false];
      const { reading, label } = sampleOf(at, model);
      const result = await session.infer(reading).catch(() => null);
      ok(stopped);
      if (!result) continue;
      equal(result.predicted, label);
      answers++;
    }
  }
  ok(answers >= 12, `${answers}`);
  ok(log.messages > 80 && log.transfers > 5000);
});

Deno.test("what transfers are made of can be neither written down nor copied", () => {
  const batch = dealBatch(
    { seed: new Uint8Array(32), size: 8 },
    seededBytes(1),
  );
  equal(JSON.stringify(batch), '{"size":8}');
  deepEqual({ ...structuredClone(batch) }, { size: 8 });
  equal(JSON.stringify(new Transfers(platformClock)), "{}");
});
