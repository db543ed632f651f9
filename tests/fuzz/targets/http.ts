/** The functions' door: requests as any client may write them. */
import fc from "fast-check";
import {
  decodeRoundRequest,
  decodeRoundResponse,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeSessionRequest,
} from "../../../sdk/wire/codec.ts";
import { damagedBytes } from "../bytes.ts";
import { fuzzedApp, fuzzedModel } from "../fixtures.ts";
import type { FuzzTarget } from "../target.ts";
import { walk } from "../walk.ts";

interface Call {
  method: string;
  path: string;
  headers: [name: string, value: string][];
  body: Uint8Array<ArrayBuffer> | null;
}

const number = fc.oneof(
  fc.nat(4).map(String),
  fc.constantFrom("-1", "00", "1e3", "9999", "99999", "1.5", "", "NaN", "%30"),
);

const shard = fc.oneof(
  fc.tuple(number, number).map(([i, k]) => `${i}/${k}`),
  fc.string({ maxLength: 8 }).map(encodeURIComponent),
  fc.constantFrom("0/1", "0/2", "1/2", "63/64", "%", "0/1&shard=1/2"),
);

const { name } = fuzzedModel.manifest;
const path = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(number, fc.option(shard)).map(([index, shard]) =>
      `/v1/rounds/${index}${shard === null ? "" : `?shard=${shard}`}`
    ),
  },
  { weight: 3, arbitrary: fc.constant("/v1/sessions") },
  fc.constantFrom(
    ...["/v1/models", `/v1/models/${name}`, "/v1/models/..%2f..", "/healthz"],
    ...["/v1/models/%00", "/v1/models/%E0%A4%A", "/v1/models/__proto__", "//"],
    ...["/v1/rounds", "/v1/rounds/0/1", "/v1/sessions/", "/v1/admin/models"],
  ),
  fc.webPath().map((path) => `/${path}`),
);

const header = fc.oneof(
  fc.constantFrom<[string, string][]>(
    ["content-type", "text/plain"],
    ["content-type", "application/cbor; charset=utf-8"],
    ["content-length", "99999999999"],
    ["content-length", "-1"],
    ["content-length", "0"],
    ["content-encoding", "gzip"],
    ["transfer-encoding", "chunked"],
    ["origin", "null"],
    ["authorization", "Bearer "],
    ["traceparent", "00-0-0-0"],
    ["accept", "application/json"],
    ["range", "bytes=0-0"],
    ["if-none-match", "*"],
  ),
  fc.tuple(
    fc.stringMatching(/^[a-z-]{1,12}$/),
    fc.stringMatching(/^[\x20-\x7e]{0,30}$/),
  ),
);

/** The statuses that PROTOCOL.md gives faults, and none of the functions' own. */
const statuses = [
  200,
  204,
  400,
  401,
  403,
  404,
  405,
  408,
  409,
  411,
  413,
  415,
  422,
  429,
];

export async function http(): Promise<FuzzTarget<Call>> {
  const app = fuzzedApp();
  const { start, rounds } = await walk(app);
  const bodies = [
    encodeSessionRequest(start),
    ...rounds.map(({ request }) => encodeRoundRequest(request)),
  ];
  const genuine = rounds.map(({ request }) => request);
  // Ciphertexts under a good token: these come as far as they can.
  const ciphertexts = fc.nat(genuine.length - 1).chain((i) =>
    damagedBytes([genuine[i].ciphertexts]).map((ciphertexts) =>
      encodeRoundRequest({ ...genuine[i], ciphertexts })
    )
  );
  return {
    inputs: fc.record({
      method: fc.oneof(
        { weight: 8, arbitrary: fc.constant("POST") },
        fc.constantFrom("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"),
      ),
      path,
      headers: fc.oneof(
        { weight: 4, arbitrary: fc.constant<[string, string][]>([]) },
        fc.array(header, { maxLength: 3 }),
      ),
      body: fc.oneof(
        damagedBytes(bodies),
        ciphertexts,
        fc.constant(null),
      ) as fc.Arbitrary<Uint8Array<ArrayBuffer> | null>,
    }),
    async check({ method, path, headers, body }) {
      const withBody = method !== "GET" && method !== "HEAD";
      const request = new Request(`http://functions${path}`, {
        method,
        headers: [["content-type", "application/cbor"], ...headers],
        body: withBody ? body : null,
      });
      const response = await app.fetch(request);
      const answer = await checkAnswer(response);
      if (response.headers.get("content-type") === "application/cbor") {
        if (path === "/v1/sessions") decodeSessionResponse(answer);
        else {
          decodeRoundResponse(answer);
          decodeRoundRequest(body!);
        }
      }
    },
    quickCases: 500,
  };
}

/** The body of an answer, which is one that PROTOCOL.md permits. */
export async function checkAnswer(response: Response): Promise<Uint8Array> {
  const { status, headers } = response;
  const answer = await response.bytes();
  if (!statuses.includes(status)) {
    throw new Error(`Status ${status}: ${text(answer)}`);
  }
  const type = headers.get("content-type") ?? "";
  if (status >= 400) checkProblem(status, type, answer);
  return answer;
}

function checkProblem(status: number, type: string, answer: Uint8Array): void {
  if (answer.length === 0) return;
  const problem = JSON.parse(text(answer));
  const sound = type === "application/problem+json" &&
    problem.status === status && typeof problem.code === "string" &&
    typeof problem.retryable === "boolean" &&
    /^Cannot /.test(problem.detail) && problem.detail.length < 1000;
  if (!sound) throw new Error(`Status ${status}, ${type}: ${text(answer)}`);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
