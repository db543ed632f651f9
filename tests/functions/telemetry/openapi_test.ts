/** functions/http/openapi.json is sound, names the routes there are, and describes their answers. */
import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Access } from "../../../functions/access/principal.ts";
import { MemoryBudgetStore } from "../../../functions/admission/budget.ts";
import { Gate } from "../../../functions/admission/gate.ts";
import { type AppOptions, createApp } from "../../../functions/app.ts";
import { Deployments } from "../../../functions/models/deployments.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { FolderObjectStore } from "../../../functions/stores/folder.ts";
import {
  encodeRoundRequest,
  encodeSessionRequest,
} from "../../../sdk/wire/codec.ts";
import { realReading } from "../../../sdk/fixed_point/quantise.ts";
import { connect } from "../../../sdk/session/session.ts";
import { batchChoiceBytes, rootSize } from "../../../sdk/transfer/chain.ts";
import {
  decodeSealed,
  encodeSealed,
} from "../../../sdk/wire/sealed_messages.ts";
import {
  infer,
  modulus,
  owner as keyOwner,
  sealingKey,
  startSession,
} from "../../support/gateway.ts";
import { version } from "../../../sdk/support/version.ts";
import { randomReading } from "../../reference/tiny_models.ts";
import { ownerKeys, releaseOf, smallModel } from "../models/owner.ts";

interface Content {
  content?: Record<string, { schema: unknown }>;
  headers?: Record<string, unknown>;
  $ref?: string;
}

interface Operation {
  responses: Record<string, Content>;
}

const document = JSON.parse(
  await Deno.readTextFile(
    new URL("../../../functions/http/openapi.json", import.meta.url),
  ),
) as {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Content> };
};

const schemas = new Ajv2020({ strict: false, validateFormats: false });
schemas.addSchema({ $id: "api", ...document });

/** What a place in the document says of `value`; null: it fits. */
function misfit(place: string[], value: unknown): string | null {
  const pointer = place.map((name) =>
    encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))
  );
  const check = schemas.compile({ $ref: `api#/${pointer.join("/")}` });
  return check(value) ? null : schemas.errorsText(check.errors);
}

/** The operation that a call is one of: its path in the document, its method. */
function operationOf(method: string, path: string): [string, string] {
  const [pathname] = path.split("?");
  const found = Object.keys(document.paths).filter((template) =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(pathname)
  );
  assert.equal(found.length, 1, path);
  return [found[0], method.toLowerCase()];
}

const access: Access = {
  identify: ({ headers }) => {
    const role = headers.get("authorization");
    return Promise.resolve(
      role === "owner" || role === "client"
        ? { account: "a", roles: [role], models: ["small"] }
        : null,
    );
  },
};

Deno.test("the document is OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert(valid, JSON.stringify(errors));
  assert.equal(validator.version, "3.1");
});

Deno.test("the document names exactly the routes there are", async () => {
  const folder = await Deno.makeTempDir();
  const app = createApp({
    models: new MemoryModelStore(),
    sealingKey,
    deployments: new Deployments({
      store: new FolderObjectStore(folder),
      ownerKeys,
    }),
    metrics: {
      contentType: "text/plain",
      text: () => Promise.resolve(""),
      open: true,
    },
  });
  const routes = app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => {
      const template = path.replace(
        /:(\w+)(\{(?:[^{}]|\{[^}]*\})*\})?/g,
        "{$1}",
      );
      return `${method} ${template.replace(/(?<=.)\/$/, "")}`;
    });
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  );
  assert.deepEqual([...new Set(routes)].sort(), documented.sort());
  await Deno.remove(folder, { recursive: true });
});

Deno.test("every operation answers as the document says, when it succeeds and when it fails", async () => {
  const folder = await Deno.makeTempDir();
  const deployments = new Deployments({
    store: new FolderObjectStore(folder),
    ownerKeys,
  });
  const options: AppOptions = {
    models: deployments.models,
    deployments,
    sealingKey,
    insecureKeys: true,
    access,
    observers: [],
    metrics: {
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      text: () => Promise.resolve("# none\n"),
      open: false,
    },
  };
  const app = createApp(options);
  const stopping = createApp({
    ...options,
    ready: () => Promise.resolve(["stopping"]),
  });
  const broken = createApp({
    ...options,
    models: {
      list: () => Promise.reject(new Error("gone")),
      load: () => Promise.reject(new Error("gone")),
    },
  });
  const gate = new Gate();
  gate.drain();
  const full = createApp({ ...options, gate });

  const answered = new Set<string>();
  /** Calls and compares the answer with the document. */
  const call = async (
    role: string,
    method: string,
    path: string,
    body?: string | Uint8Array,
    { to = app, type }: { to?: typeof app; type?: string } = {},
  ): Promise<Response> => {
    const response = await to.request(path, {
      method,
      headers: {
        authorization: role,
        ...type ? { "content-type": type } : {},
      },
      body: body as string | Uint8Array<ArrayBuffer> | undefined,
    });
    const place = ["paths", ...operationOf(method, path)];
    const operation = document.paths[place[1]][place[2]];
    const status = `${response.status}`;
    const what = `${method} ${place[1]} ${status}`;
    const entry = operation.responses[status];
    assert(entry, `${what}: ${await response.clone().text()}`);
    const { $ref } = entry;
    const inside = $ref
      ? $ref.slice(2).split("/")
      : [...place, "responses", status];
    const described = $ref
      ? document.components.responses[$ref.split("/").at(-1)!]
      : entry;
    for (const header of Object.keys(described.headers ?? {})) {
      if (header === "retry-after") continue;
      assert(response.headers.has(header), `${what}: ${header}`);
    }
    const [given] = (response.headers.get("content-type") ?? "").split(";");
    const types = Object.keys(described.content ?? {});
    assert.deepEqual(types, given === "" ? [] : [given], what);
    if (given !== "" && given !== "application/cbor") {
      const text = await response.clone().text();
      const value = given.endsWith("json") ? JSON.parse(text) : text;
      assert.equal(
        misfit([...inside, "content", given, "schema"], value),
        null,
        `${what}: ${text}`,
      );
    }
    answered.add(`${place[2]} ${place[1]} ${status}`);
    return response;
  };
  const owner = (method: string, path: string, body?: string | Uint8Array) =>
    call("owner", method, `/v1/admin/models${path}`, body);

  // Operations.
  const front = await (await call("nobody", "GET", "/")).json();
  assert.equal(front.version, version);
  for (const path of Object.values<string>(front.links)) {
    const { status } = await app.request(`/${path}`, {
      headers: { authorization: "client" },
    });
    assert.equal(status, 200, path);
  }
  const served = await call("nobody", "GET", "/openapi.json");
  assert.deepEqual(await served.json(), document);
  await call("nobody", "GET", "/healthz");
  await call("nobody", "GET", "/readyz");
  await call("nobody", "GET", "/readyz", undefined, { to: stopping });
  await call("owner", "GET", "/metrics");
  await call("nobody", "GET", "/metrics");
  await call("client", "GET", "/metrics");

  // Control plane: two versions, an upload under way, and what is refused.
  const one = await releaseOf(smallModel("1"));
  const two = await releaseOf(smallModel("2", 2));
  const three = await releaseOf(smallModel("3", 3));
  for (const { id, signed, chunks } of [one, two]) {
    await owner("POST", "/small/uploads", signed);
    await owner("POST", `/small/uploads/${id}/commit`);
    for (const [digest, chunk] of chunks) {
      const path = `/small/uploads/${id}/chunks/${digest}`;
      await owner("PUT", path, chunk.subarray(1));
      await owner("PUT", path, chunk);
    }
    await owner("POST", `/small/uploads/${id}/commit`);
    await owner("POST", "/small/uploads", signed);
  }
  await owner("POST", "/small/rollback");
  await owner("POST", "/small/versions/1/activate");
  await owner("POST", "/small/versions/2/activate");
  await owner("POST", "/small/rollback?to=1");
  await owner("POST", "/small/uploads", three.signed);
  await owner("GET", "");
  await owner("GET", "/small");
  await owner("GET", "/other");
  await owner("POST", "/small/withdraw");
  await owner("POST", "/small/rollback");
  await owner("DELETE", "/small/versions/1");
  await owner("DELETE", "/small/versions/2");
  await owner("DELETE", "/small/versions/9");
  await owner("POST", "/small/versions/9/activate");
  await owner("POST", `/small/uploads/${"0".repeat(64)}/commit`);
  await owner("PUT", `/small/uploads/${three.id}/chunks/${"0".repeat(64)}`, "");
  await owner("POST", "/small/uploads", "no release");
  await owner("POST", "/small/uploads", `${three.signed.slice(0, -4)}AAAA`);
  await owner("POST", "/small/uploads", "x".repeat(2 ** 18 + 1));
  for (
    const [method, path] of [
      ["GET", ""],
      ["GET", "/small"],
      ["POST", "/small/uploads"],
      ["POST", `/small/uploads/${one.id}/commit`],
      ["PUT", `/small/uploads/${one.id}/chunks/${one.id}`],
      ["POST", "/small/versions/1/activate"],
      ["POST", "/small/rollback"],
      ["POST", "/small/withdraw"],
      ["DELETE", "/small/versions/1"],
    ]
  ) {
    await call("nobody", method, `/v1/admin/models${path}`);
    await call("client", method, `/v1/admin/models${path}`);
    await call("owner", method, `/v1/admin/models${path}`, undefined, {
      to: createApp({ ...options, deployments: undefined }),
    });
    await call("owner", method, `/v1/admin/models${path}`, undefined, {
      to: full,
    });
  }

  // Data plane.
  const cbor = { type: "application/cbor" };
  const client = (path: string, body: Uint8Array) =>
    call("client", "POST", path, body, cbor);
  await call("client", "GET", "/v1/models");
  await call("client", "GET", "/v1/models/small");
  await call("client", "GET", "/v1/models/none");
  await call("nobody", "GET", "/v1/models");
  await call("client", "GET", "/v1/models", undefined, { to: broken });
  await call("client", "GET", "/v1/models", undefined, { to: full });
  await call("client", "GET", "/v1/models/small", undefined, { to: full });
  const functions = {
    request: (path: string, init: RequestInit) =>
      client(path, init.body as Uint8Array),
  };
  const session = await startSession(functions, "small");
  await infer([functions], session, [randomReading(smallModel("1"), 1)]);
  const proof = keyOwner.keyProof();
  const opening = { model: "small", modulus, proof, samples: 1 };
  const body = encodeSessionRequest(opening);
  await client("/v1/sessions", body.subarray(1));
  await client("/v1/sessions", encodeSessionRequest({ ...opening, proof: [] }));
  await call("nobody", "POST", "/v1/sessions", body, cbor);
  const { token } = session;
  const ciphertexts = new Uint8Array(128);
  await client("/v1/rounds/0", encodeRoundRequest({ token, ciphertexts }));
  await client("/v1/rounds/1", encodeRoundRequest({ token, ciphertexts }));
  await client("/v1/rounds/0?shard=2/2", body);

  // Sealed inferences.
  const { manifest, ...rest } = smallModel("1");
  const sealed = createApp({
    ...options,
    models: new MemoryModelStore({
      ...rest,
      manifest: { ...manifest, privacy: "sealed", reveal: "label" },
    }),
    budget: { store: new MemoryBudgetStore(), limits: { perModelDay: 1 } },
  });
  const toSealed = (path: string, body: Uint8Array, role = "client") =>
    call(role, "POST", `/v1/sealed/${path}`, body, { ...cbor, to: sealed });
  const sent = new Map<string, Uint8Array>();
  let rootToken = new Uint8Array();
  await using sealedSession = await connect({
    url: "http://localhost",
    model: "small",
    keys: keyOwner,
    async fetch(target, init) {
      const { pathname } = new URL(`${target}`);
      const body = init!.body as Uint8Array;
      if (!pathname.startsWith("/v1/sealed/")) {
        return await call("client", "POST", pathname, body, {
          ...cbor,
          to: sealed,
        });
      }
      const path = pathname.slice("/v1/sealed/".length);
      sent.set(path, body);
      const response = await toSealed(path, body);
      if (path === "transfers") {
        const reply = await response.clone().bytes();
        rootToken = decodeSealed("batchResponse", reply).token.slice();
      }
      return response;
    },
  });
  await sealedSession.infer(
    realReading(randomReading(smallModel("1"), 1), manifest.inputs),
  );
  sent.set(
    "roots",
    encodeSealed({
      token: rootToken,
      from: 0,
      choices: new Uint8Array(batchChoiceBytes(rootSize)),
    }),
  );
  await toSealed("roots", sent.get("roots")!);
  for (const [path, body] of sent) {
    await toSealed(path, body.subarray(1));
    await toSealed(path, body, "nobody");
    await toSealed(path, body, "owner");
    await call("client", "POST", `/v1/sealed/${path}`, body, {
      ...cbor,
      to: full,
    });
  }
  const last = manifest.rounds.length - 1;
  await toSealed("rounds/9", sent.get("rounds/0")!);
  await toSealed("activations/9", sent.get("activations/0")!);
  await toSealed(`activations/${last}`, sent.get(`activations/${last}`)!);

  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      const succeeded = Object.keys(responses).filter((status) =>
        status.startsWith("2")
      );
      for (const status of succeeded) {
        assert(
          answered.has(`${method} ${path} ${status}`),
          `${method} ${path}`,
        );
      }
    }
  }
  assert(answered.size > 50, `${answered.size} kinds of answers`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the comparison sees a member that is not described, one that is missing, one of another type", () => {
  const place = ["components", "schemas", "Readiness"];
  assert.equal(misfit(place, { ready: true, reasons: [] }), null);
  for (
    const other of [
      { ready: true, reasons: [], more: 1 },
      { ready: true },
      { ready: "yes", reasons: [] },
    ]
  ) assert.notEqual(misfit(place, other), null);
});
