/** Who may call, and what they see, over HTTP. */
import assert from "node:assert/strict";
import { ConfiguredAccess } from "../../../functions/access/configured_access.ts";
import type { AccessEntry } from "../../../functions/access/entries.ts";
import {
  makeToken,
  tokenDigest,
} from "../../../functions/access/bearer_token.ts";
import { encodeRoundRequest } from "../../../sdk/wire/codec.ts";
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { platformRandom } from "../../../sdk/support/random.ts";
import * as tiny from "../../support/tiny_session.ts";
import { tinyDense } from "../../reference/tiny_models.ts";
import {
  type Functions,
  owner,
  post,
  startSession,
} from "../../support/gateway.ts";
import { serve } from "../../support/serve_with_access.ts";

const dense = tinyDense();
const [lenetName, denseName] = [tiny.model, dense].map(({ manifest }) =>
  manifest.name
);
const tokens = {
  all: makeToken(platformRandom),
  dense: makeToken(platformRandom),
  owner: makeToken(platformRandom),
  expired: makeToken(platformRandom),
};
const nowMs = Date.parse("2030-01-01T00:00:00Z");
const entries: AccessEntry[] = [
  {
    account: "plant",
    roles: ["client"],
    models: "all",
    sha256: tokenDigest(tokens.all),
    expiresAt: new Date(nowMs + 1).toISOString(),
  },
  {
    account: "meter",
    roles: ["client"],
    models: [denseName],
    sha256: tokenDigest(tokens.dense),
  },
  {
    account: "ops",
    roles: ["owner"],
    models: "all",
    sha256: tokenDigest(tokens.owner),
  },
  {
    account: "plant",
    roles: ["client"],
    models: "all",
    sha256: tokenDigest(tokens.expired),
    expiresAt: new Date(nowMs).toISOString(),
  },
  { account: "cn=gateway-1", roles: ["client"], models: [denseName] },
];
const access = new ConfiguredAccess(entries, {
  accountHeader: "x-client-name",
  clock: () => nowMs,
});

async function problem(response: Response | Promise<Response>) {
  const { status, headers } = await response;
  const { code, retryable, detail } = await (await response).json();
  return { status, headers, code, retryable, detail };
}

const get = (functions: Functions, path: string) =>
  Promise.resolve(functions.request(path, { method: "GET" }));

const paths = [
  "/v1/models",
  `/v1/models/${denseName}`,
  "/v1/sessions",
  "/v1/rounds/0",
];

function call(functions: Functions, path: string): Promise<Response> {
  return path.startsWith("/v1/models")
    ? get(functions, path)
    : post(functions, path, Uint8Array.of(0xa0));
}

Deno.test("answers 401 to unknown callers before reading a body", async () => {
  await using served = serve([dense], { access });
  const callers: [string, Functions][] = [
    ["no token", served.as(null)],
    ["a guess", served.as(makeToken(platformRandom))],
    ["a digest", served.as(tokenDigest(tokens.all))],
    ["a token and more", served.as(tokens.all + "A")],
    ["expired", served.as(tokens.expired)],
    [
      "another scheme",
      served.as(null, { authorization: `Basic ${tokens.all}` }),
    ],
    ["no name", served.as(null, { "x-client-name": "" })],
    ["an unlisted name", served.as(null, { "x-client-name": "cn=other" })],
    // A wrong token is not made good by a name.
    ["both", served.as("guess", { "x-client-name": "cn=gateway-1" })],
  ];
  for (const [name, functions] of callers) {
    for (const path of paths) {
      const { status, headers, code, retryable, detail } = await problem(
        call(functions, path),
      );
      assert.deepEqual(
        [status, code, retryable, headers.get("www-authenticate")],
        [401, "unauthenticated", false, "Bearer"],
        `${name} ${path}`,
      );
      assert.equal(headers.get("content-type"), "application/problem+json");
      for (const token of Object.values(tokens)) {
        assert(!detail.includes(token));
      }
    }
  }
  assert.equal((await get(served.as(null), "/healthz")).status, 200);
});

Deno.test("answers 403 to an owner who is no client", async () => {
  await using served = serve([dense], { access });
  for (const path of paths) {
    const { status, code, retryable } = await problem(
      call(served.as(tokens.owner), path),
    );
    assert.deepEqual([status, code, retryable], [403, "forbidden", false]);
  }
});

Deno.test("models of other accounts look as if they did not exist", async () => {
  await using served = serve([tiny.model, dense], { access });
  const names = async (functions: Functions) =>
    (await (await get(functions, "/v1/models")).json())
      .map(({ name }: { name: string }) => name);
  assert.deepEqual(await names(served.as(tokens.all)), [lenetName, denseName]);
  const restricted = [
    served.as(tokens.dense),
    served.as(null, { "x-client-name": "cn=gateway-1" }),
  ];
  for (const functions of restricted) {
    assert.deepEqual(await names(functions), [denseName]);
    const hidden = await problem(get(functions, `/v1/models/${lenetName}`));
    const missing = await problem(get(functions, "/v1/models/none"));
    assert.deepEqual([hidden.status, hidden.code], [404, "model-not-found"]);
    assert.equal(
      missing.detail,
      `Cannot find model "none"; these functions serve ${denseName}`,
    );
    assert.equal(
      hidden.detail.replace(lenetName, "none"),
      missing.detail,
    );
    await assert.rejects(startSession(functions, lenetName), {
      code: "model-not-found",
    });
    assert.equal((await startSession(functions, denseName)).model, denseName);
  }
});

Deno.test("a session goes on with another token of its account, not of another account", async () => {
  const second = makeToken(platformRandom);
  const more = new ConfiguredAccess([
    ...entries,
    { ...entries[0], sha256: tokenDigest(second) },
  ], { clock: () => nowMs });
  await using served = serve([dense], { access: more });
  const { token, plan } = await startSession(served.as(tokens.all), denseName);
  const ciphertexts = await owner.encryptBatch(
    Array(inputCiphertexts(plan.rounds[0].layout)).fill(1n),
  );
  const body = encodeRoundRequest({ token, ciphertexts });
  const { status, code, detail } = await problem(
    post(served.as(tokens.dense), "/v1/rounds/0", body),
  );
  assert.deepEqual([status, code], [403, "token-mismatch"]);
  assert.match(detail, /started by another account; start a new one$/);
  const answers = await Promise.all(
    [tokens.all, second].map(async (token) => {
      const answer = await post(served.as(token), "/v1/rounds/0", body);
      assert.equal(answer.status, 200);
      return await answer.bytes();
    }),
  );
  assert.deepEqual(answers[0], answers[1]);
});

Deno.test("the right to a model taken away ends its sessions", async () => {
  let models: "all" | string[] = "all";
  await using served = serve([dense], {
    access: {
      identify: () =>
        Promise.resolve({ account: "a", roles: ["client"], models }),
    },
  });
  const { token } = await startSession(served.as(null), denseName);
  models = [];
  const body = encodeRoundRequest({ token, ciphertexts: new Uint8Array(128) });
  const { status, code } = await problem(
    post(served.as(null), "/v1/rounds/0", body),
  );
  assert.deepEqual([status, code], [404, "model-not-found"]);
});

Deno.test("the SDK infers with a token; without one it makes one call and reports why", async () => {
  await using served = serve([tiny.model], { access });
  await using session = await tiny.open(served.url, { token: tokens.all });
  const { scores } = await session.infer(tiny.reading);
  assert.deepEqual(scores, tiny.expected);
  const shown = Deno.inspect(session, { depth: 9, showHidden: true }) +
    JSON.stringify(session);
  assert(!shown.includes(tokens.all));

  let calls = 0;
  await assert.rejects(
    tiny.open(served.url, {
      fetch: (...call) => {
        calls++;
        return fetch(...call);
      },
    }),
    { code: "unauthenticated", status: 401, retryable: false },
  );
  assert.equal(calls, 1);
});

Deno.test("pages of no origin may call, unless they are named", async () => {
  await using closed = serve([dense]);
  const origin = "https://page.example";
  await using open = serve([dense], { origins: [origin] });
  const allowed = async (url: string, origin: string) => {
    const response = await fetch(`${url}/v1/models`, { headers: { origin } });
    await response.body?.cancel();
    return response.headers.get("access-control-allow-origin");
  };
  assert.equal(await allowed(closed.url, origin), null);
  assert.equal(await allowed(open.url, origin), origin);
  assert.equal(await allowed(open.url, "https://other.example"), null);
});

Deno.test("a page may send the token and see when to come back", async () => {
  await using served = serve([dense], { access, origins: ["*"] });
  const preflight = await fetch(`${served.url}/v1/rounds/0`, {
    method: "OPTIONS",
    headers: {
      origin: "https://page.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    },
  });
  await preflight.body?.cancel();
  assert.equal(preflight.status, 204);
  const allowed = preflight.headers.get("access-control-allow-headers") ?? "";
  assert(allowed.split(",").includes("authorization"), allowed);
  const refused = await fetch(`${served.url}/v1/models`, {
    headers: { origin: "https://page.example" },
  });
  await refused.body?.cancel();
  assert.equal(refused.headers.get("access-control-allow-origin"), "*");
  const exposed = refused.headers.get("access-control-expose-headers") ?? "";
  assert(exposed.split(",").includes("retry-after"), exposed);
});

Deno.test("without an access file any account that the proxy names is a client of all models", async () => {
  const named = new ConfiguredAccess(null, { accountHeader: "x-client-name" });
  await using served = serve([dense], { access: named });
  const functions = served.as(null, { "x-client-name": "anybody" });
  assert.equal((await startSession(functions, denseName)).model, denseName);
  assert.equal((await problem(get(served.as(null), "/v1/models"))).status, 401);
});
