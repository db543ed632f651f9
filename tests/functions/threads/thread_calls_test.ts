import { deepEqual } from "node:assert/strict";
import { MemoryBudgetStore } from "../../../functions/admission/budget.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { answerCalls } from "../../../functions/threads/thread_calls.ts";
import type { ThreadReply } from "../../../functions/threads/threads.ts";
import { sealingKey } from "../../support/gateway.ts";

Deno.test("a call that cannot even be read is answered, and the thread goes on", async () => {
  let replied = Promise.withResolvers<ThreadReply>();
  const accept = answerCalls(
    (reply) => replied.resolve(reply),
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
    (reply) => replies.get(reply.id)!.resolve(reply),
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
