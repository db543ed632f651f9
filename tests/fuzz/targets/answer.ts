/** What the gateway is answered: any status, any headers, any body. */
import fc from "fast-check";
import { createTransport } from "../../../sdk/session/transport.ts";
import { damagedBytes } from "../bytes.ts";
import { readCorpus } from "../corpus.ts";
import { coded, type FuzzTarget, takenLater } from "../target.ts";
import { damagedTrees } from "../trees.ts";

interface Answer {
  status: number;
  headers: [name: string, value: string][];
  body: Uint8Array<ArrayBuffer>;
}

const problem = {
  type: "about:blank",
  title: "Token expired",
  status: 403,
  detail: "Cannot open token: it expired",
  code: "token-expired",
  retryable: false,
};

const header = fc.constantFrom<[string, string][]>(
  ["content-type", "application/cbor"],
  ["content-type", "application/problem+json"],
  ["content-type", "text/html"],
  ["retry-after", "3"],
  ["retry-after", "1e300"],
  ["retry-after", "-5"],
  ["retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"],
  ["server-timing", "evaluate;dur=12.5"],
  ["server-timing", "evaluate;dur=1.2.3"],
  ["server-timing", "evaluate;dur=" + "9".repeat(400)],
);

const declared = coded(
  // A redirect.
  "network",
  ...["malformed", "body-too-large", "budget-exceeded"] as const,
  ...["ciphertext-out-of-range", "count-mismatch", "key-rejected"] as const,
  ...["model-changed", "model-not-found", "server-fault"] as const,
  ...["token-altered", "token-expired", "token-mismatch"] as const,
  ...["token-spent", "unsupported", "unauthenticated", "forbidden"] as const,
  ...["overloaded", "rate-limited", "too-much-work"] as const,
);

export function answer(): FuzzTarget<Answer> {
  const documents = damagedTrees([problem])
    .map((tree) => new TextEncoder().encode(JSON.stringify(tree)));
  return {
    inputs: fc.record({
      status: fc.oneof(
        fc.constantFrom(200, 201, 400, 403, 404, 429, 500, 503),
        fc.integer({ min: 200, max: 599 }),
      ),
      headers: fc.array(header, { maxLength: 3 }),
      body: fc.oneof(damagedBytes(readCorpus("round-response")), documents),
    }),
    async check({ status, headers, body }) {
      const bodiless = [204, 205, 304].includes(status);
      const transport = createTransport({
        url: "http://functions/",
        fetch: () =>
          Promise.resolve(
            new Response(bodiless ? null : body, { status, headers }),
          ),
        timeoutMs: 60_000,
      });
      const maxBytes = 500;
      const reply = await takenLater(
        (error) => declared(error) && isPrintable(error.message),
        () => transport("v1/rounds/0", new Uint8Array(), { maxBytes }),
      );
      if (reply && reply.body.length > maxBytes) {
        throw new Error(`${reply.body.length} bytes were read`);
      }
      if (reply && reply.evaluateMs !== null && !(reply.evaluateMs >= 0)) {
        throw new Error(`The evaluation took ${reply.evaluateMs} ms`);
      }
    },
    quickCases: 1000,
  };
}

/** A hostile cloud must not write into a terminal. */
function isPrintable(message: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\u0000-\u001f\u007f-\u009f]/.test(message);
}
