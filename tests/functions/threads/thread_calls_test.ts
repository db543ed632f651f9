import { deepEqual, ok } from "node:assert/strict";
import { MemoryBudgetStore } from "../../../functions/admission/budget.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { answerCalls } from "../../../functions/threads/thread_calls.ts";
import type {
  GarbledLanes,
  ThreadReply,
} from "../../../functions/threads/threads.ts";
import { Circuit } from "../../../sdk/garbling/circuit.ts";
import { unmask } from "../../../sdk/garbling/circuits/shares.ts";
import { Labels } from "../../../sdk/garbling/labels.ts";
import { scheduleOf } from "../../../sdk/garbling/schedule.ts";
import { sealingKey } from "../../support/gateway.ts";

Deno.test("a call that cannot even be read is answered, and the thread goes on", async () => {
  let replied = Promise.withResolvers<ThreadReply>();
  const accept = answerCalls(
    (reply) => replied.resolve(reply as ThreadReply),
    (sealingKey) =>
      Promise.resolve({ models: new MemoryModelStore(), sealingKey }),
  );
  accept({ sealingKey });
  const statuses: number[] = [];
  for (const host of ["[::", "functions"]) {
    replied = Promise.withResolvers();
    accept({
      id: 0,
      url: `http://${host}/v1/sessions`,
      headers: [["content-type", "application/cbor"]],
      body: new ArrayBuffer(),
      caller: "a",
    });
    statuses.push((await replied.promise).status);
  }
  deepEqual(statuses, [500, 400]);
});

Deno.test("a thread counts calls for the callers that its listener names", async () => {
  const replies = new Map<number, PromiseWithResolvers<ThreadReply>>();
  const accept = answerCalls(
    (message) => {
      const reply = message as ThreadReply;
      replies.get(reply.id)!.resolve(reply);
    },
    (sealingKey) =>
      Promise.resolve({
        models: new MemoryModelStore(),
        sealingKey,
        rates: {
          store: new MemoryBudgetStore(),
          limits: { callsPerMinute: 1 },
        },
        clock: () => 0,
      }),
  );
  accept({ sealingKey });
  const statuses: number[] = [];
  for (const [id, caller] of ["a", "a", "b"].entries()) {
    replies.set(id, Promise.withResolvers());
    accept({
      id,
      url: "http://functions/v1/sessions",
      headers: [["content-type", "application/cbor"]],
      body: new ArrayBuffer(),
      caller,
    });
    statuses.push((await replies.get(id)!.promise).status);
  }
  deepEqual(statuses, [400, 429, 400]);
});

Deno.test("lanes of a caller that asks for many wait for another's", async () => {
  const order: number[] = [], all = Promise.withResolvers<void>();
  const jobs = 12;
  const accept = answerCalls(
    (reply) => {
      order.push((reply as GarbledLanes).garbled);
      if (order.length === jobs) all.resolve();
    },
    (sealingKey) =>
      Promise.resolve({ models: new MemoryModelStore(), sealingKey }),
  );
  accept({ sealingKey });
  const circuit = new Circuit(), lanes = 4;
  circuit.output(...unmask(circuit, circuit.word(20)));
  const job = {
    circuit: scheduleOf(circuit, "garbler"),
    lanes: {
      inputs: new Labels(circuit.inputs, lanes),
      secrets: { delta: Uint32Array.of(1, 2, 3, 4), salt: new Uint32Array(4) },
      origin: { firstGate: 0, firstLane: 0 },
    },
    bits: new Uint8Array(circuit.knownBits * lanes),
    values: [],
  };
  const last = jobs - 1;
  // A clock of its own: who has waited for long goes first, on a slow machine all.
  const { now } = performance;
  let time = 0;
  performance.now = () => time += 0.1;
  try {
    for (let garble = 0; garble < jobs; garble++) {
      accept({ garble, job, caller: garble === last ? "b" : "a" });
    }
    await all.promise;
  } finally {
    performance.now = now;
  }
  ok(order.indexOf(last) <= 2, order.join());
});
