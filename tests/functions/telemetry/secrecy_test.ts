/** No key, reading, ciphertext or token reaches a log, a trace or a metric. */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { encodeBase64Url } from "@std/encoding/base64url";
import { encodeHex } from "@std/encoding/hex";
import {
  makeToken,
  tokenDigest,
} from "../../../functions/access/bearer_token.ts";
import { describeFault } from "../../../functions/telemetry/call_telemetry.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { packInputs } from "../../../sdk/fixed_point/packing.ts";
import { bytesFromBigInt } from "../../../sdk/paillier/public/big_integer.ts";
import { platformRandom } from "../../../sdk/support/random.ts";
import {
  decodeRoundRequest,
  decodeRoundResponse,
  decodeSessionRequest,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeSessionRequest,
} from "../../../sdk/wire/codec.ts";
import type { RoundRequest } from "../../../sdk/wire/messages.ts";
import { testKey } from "../../vectors/keys.ts";
import { randomReading, tinyLeNet } from "../../reference/tiny_models.ts";
import {
  type Functions,
  infer,
  modulus,
  owner,
  sealingKey,
  startSession,
} from "../../support/gateway.ts";
import { searchForSecrets } from "../../support/search_for_secrets.ts";
import { watchFunctions } from "../../support/watched_functions.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Keeps all secrets of the messages that pass. */
function listen(url: string, bearer: string, secrets: Map<string, Uint8Array>) {
  let messages = 0;
  const keepRound = ({ token, ciphertexts }: RoundRequest, of: string) => {
    if (token.length > 0) secrets.set(`token of ${of}`, token);
    const each = 2 * modulus.length;
    for (let at = 0; at < ciphertexts.length; at += each) {
      secrets.set(
        `ciphertext ${at / each} of ${of}`,
        ciphertexts.slice(at, at + each),
      );
    }
  };
  return {
    async request(path: string, init: RequestInit) {
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${bearer}`);
      const response = await fetch(url + path, { ...init, headers });
      const asked = init.body as Uint8Array;
      const answer = await response.clone().bytes();
      const of = `message ${++messages}`;
      if (path.startsWith("/v1/sessions")) {
        const { proof } = decodeSessionRequest(asked);
        proof.forEach((root, i) => secrets.set(`root ${i} of ${of}`, root));
        if (response.ok) {
          secrets.set(`token of ${of}`, decodeSessionResponse(answer).token);
        }
      } else {
        keepRound(decodeRoundRequest(asked), `request ${of}`);
        if (response.ok) keepRound(decodeRoundResponse(answer), `answer ${of}`);
      }
      return response;
    },
  } satisfies Functions;
}

Deno.test("no secret of an inference, sound or provoked to fail, reaches log, trace or metric", async () => {
  const models = await Deno.makeTempDir();
  const model = tinyLeNet();
  const { name } = model.manifest;
  await writePackage(`${models}/${name}`, model);
  const bearer = makeToken(platformRandom);
  const wrongBearer = makeToken(platformRandom);
  await using functions = await watchFunctions({
    CIPHERLAYER_MODELS: models,
    CIPHERLAYER_SEALING_KEY: encodeHex(sealingKey),
    CIPHERLAYER_THREADS: "2",
    CIPHERLAYER_LOG: "calls",
    CIPHERLAYER_LOG_FORMAT: "json",
    CIPHERLAYER_ACCESS: JSON.stringify({
      account: "plant",
      roles: ["client", "owner"],
      models: "all",
      sha256: tokenDigest(bearer),
    }),
  });
  const { url } = functions;
  // Tokens start with the same word, "cipherlayer_".
  const secrets = new Map([
    ["modulus", modulus],
    [
      "prime",
      bytesFromBigInt(testKey(512).exportPrimes()[0], modulus.length / 2),
    ],
    ["sealing key", sealingKey],
    ["bearer token", bytesOf(bearer.slice(12))],
    ["wrong bearer token", bytesOf(wrongBearer.slice(12))],
  ]);
  const heard = listen(url, bearer, secrets);

  // Sound: a whole inference.
  const session = await startSession(heard, name);
  const reading = randomReading(model, 3);
  secrets.set("reading as text", bytesOf(reading.join()));
  secrets.set("reading as integers", Uint8Array.from(reading));
  secrets.set("reading as floats", new Uint8Array(reading.buffer));
  const live = new Map([
    ["input", { shape: session.plan.inputs[0].shape, samples: [reading] }],
  ]);
  const { layout } = session.plan.rounds[0];
  const { publicKey } = owner;
  packInputs(layout, live, publicKey.modulus).forEach((plaintext, i) =>
    secrets.set(`plaintext ${i}`, bytesFromBigInt(plaintext, modulus.length))
  );
  const rounds = await infer([heard], session, [reading], 2);
  assert.deepEqual(rounds[3][0], simulate(model, reading).integers);

  // Provoked.
  const post = async (
    path: string,
    body: Uint8Array,
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: {
        "content-type": "application/cbor",
        authorization: `Bearer ${bearer}`,
        ...headers,
      },
      body: body as Uint8Array<ArrayBuffer>,
    });
    return [response.status, (await response.json()).code];
  };
  const ciphertexts = secrets.get("ciphertext 0 of request message 2")!;
  const { token } = session;
  const altered = token.with(token.length - 1, token.at(-1)! ^ 1);
  const proof = owner.keyProof();
  const round = (changes: Partial<RoundRequest>) =>
    encodeRoundRequest({ token, ciphertexts, ...changes });
  const opening = (changes: object) =>
    encodeSessionRequest({
      model: name,
      modulus,
      proof,
      samples: 1,
      ...changes,
    });
  // The runtime itself traces addresses, as any proxy logs them: the protocol puts
  // nothing secret there, and log and metrics do not take what a client wrote there.
  const misplaced = platformRandom(64);
  const inPath = `/v1/rounds/0/${encodeBase64Url(misplaced)}`;
  const inQuery = `/v1/rounds/0?shard=${encodeBase64Url(misplaced)}`;
  const asModel = encodeHex(ciphertexts.subarray(0, 64));
  const faults: [string, Uint8Array, [number, string], object?][] = [
    ["/v1/rounds/0", round({ token: altered }), [403, "token-altered"]],
    ["/v1/rounds/1", round({}), [403, "token-mismatch"]],
    ["/v1/rounds/0", round({}), [422, "count-mismatch"]],
    ["/v1/rounds/0", round({}).slice(0, -9), [400, "malformed"]],
    [inQuery, round({}), [400, "malformed"]],
    [inPath, round({}), [404, "malformed"]],
    ["/v1/sessions", opening({ modulus: modulus.with(9, 1) }), [
      422,
      "key-rejected",
    ]],
    ["/v1/sessions", opening({ model: asModel }), [404, "model-not-found"]],
    ["/v1/sessions", opening({ samples: 5000 }), [422, "unsupported"]],
    ["/v1/sessions", opening({}), [401, "unauthenticated"], {
      authorization: `Bearer ${wrongBearer}`,
    }],
    ["/v1/sessions", opening({}), [400, "malformed"], {
      "content-type": encodeHex(token),
    }],
    ["/v1/sessions", opening({}), [400, "malformed"], {
      "content-digest": `sha-256=:${"A".repeat(43)}=:`,
      "user-agent": encodeHex(token),
      traceparent: `00-${encodeHex(token.subarray(0, 16))}-${
        encodeHex(token.subarray(16, 24))
      }-01`,
    }],
  ];
  for (const [path, body, expected, headers] of faults) {
    assert.deepEqual(await post(path, body, { ...headers }), expected, path);
  }
  await Deno.remove(models, { recursive: true });
  const broken = await fetch(`${url}/v1/models`, {
    headers: { authorization: `Bearer ${bearer}` },
  });
  assert.deepEqual(
    [broken.status, (await broken.json()).code],
    [500, "server-fault"],
  );
  const metrics = await fetch(`${url}/metrics`, {
    headers: { authorization: `Bearer ${bearer}` },
  });
  const counted = await metrics.text();
  const last = metrics.headers.get("x-request-id")!;
  for (const path of ["/v1/logs", "/v1/traces"]) {
    await functions.untilCollected((collected) =>
      collected.path === path && collected.body.includes(last)
    );
  }
  await functions.untilCollected(({ path, body }) =>
    path === "/v1/metrics" && body.includes("server-fault")
  );

  // Everything that should be told is there to be searched.
  const told = functions.collected().map(({ body }) => body).join("\n");
  for (const text of [functions.printed(), told, counted]) {
    assert.match(text, /token-altered/);
    assert.match(text, /server-fault/);
    assert(text.includes(name));
  }
  assert.match(told, /"name": "randomise"/);
  assert(secrets.size > 60);
  for (const text of [functions.printed(), told, counted]) {
    assert.deepEqual(searchForSecrets(text, secrets), []);
  }
  secrets.set("in an address", misplaced);
  for (const text of [functions.printed(), counted]) {
    assert.deepEqual(searchForSecrets(text, secrets), []);
  }
});

Deno.test("the search finds what functions tell, in log, trace and metric", async () => {
  const named = ["log", "span", "metric"].map((name) =>
    [name, platformRandom(32)] as const
  );
  await using functions = await watchFunctions({}, {
    entry: fileURLToPath(
      new URL("../../support/leaky_functions.ts", import.meta.url),
    ),
  });
  const secrets = named.map(([, secret]) => encodeBase64Url(secret)).join(" ");
  const response = await fetch(`${functions.url}/healthz`, {
    headers: { secrets },
  });
  await response.body?.cancel();
  const search = (text: string) => searchForSecrets(text, new Map(named));
  for (
    const [name, path] of [
      ["log", "/v1/logs"],
      ["span", "/v1/traces"],
      ["metric", "/v1/metrics"],
    ]
  ) {
    await functions.untilCollected((collected) =>
      collected.path === path &&
      search(collected.body).some((found) => found.startsWith(name))
    );
  }
  assert.match(search(functions.printed()).join(), /^log \(base64(url)?\)$/);
});

Deno.test("the search knows every form", () => {
  const secret = platformRandom(64);
  const number = BigInt(`0x${encodeHex(secret)}`);
  const printed: Record<string, string> = {
    hexadecimal: encodeHex(secret).toUpperCase(),
    base64: btoa("xy" + String.fromCharCode(...secret)),
    base64url: encodeBase64Url(secret),
    decimal: `${number}`,
    list: Deno.inspect(secret),
    "list as JSON": JSON.stringify(secret),
    "list in a message": `got ${secret}`,
    part: encodeHex(secret.subarray(20, 44)),
  };
  for (const [form, text] of Object.entries(printed)) {
    const found = searchForSecrets(
      `before ${text} after`,
      new Map([["it", secret]]),
    );
    assert.equal(found.length, 1, form);
  }
  const other = new Map([["other", platformRandom(64)]]);
  assert.deepEqual(
    searchForSecrets(Object.values(printed).join(), other),
    [],
  );
});

Deno.test("reports undeclared faults without their content", () => {
  const secret = platformRandom(64);
  const number = BigInt(`0x${encodeHex(secret)}`);
  const secrets = new Map([["it", secret]]);
  const carried = [
    `${number}`,
    encodeHex(secret),
    encodeBase64Url(secret),
    btoa(String.fromCharCode(...secret)),
    `${secret}`,
    Deno.inspect(secret),
    JSON.stringify(secret),
  ];
  for (const text of carried) {
    const error = new Error(`Cannot use ${text}`);
    assert.equal(searchForSecrets(error.stack!, secrets).length, 1);
    const told = describeFault(error);
    assert.deepEqual(searchForSecrets(told, secrets), [], told);
    assert.match(told, /^Error: Cannot use/);
    // Where it happened is still told.
    assert.match(told, /secrecy_test\.ts:\d+:\d+/);
  }
  assert.equal(describeFault(encodeHex(secret)), "string thrown");
});
