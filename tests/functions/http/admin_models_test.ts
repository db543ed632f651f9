/** The control plane over HTTP: who may, what is refused, and what sessions see of it. */
import assert from "node:assert/strict";
import { ConfiguredAccess } from "../../../functions/access/configured_access.ts";
import { tokenDigest } from "../../../functions/access/bearer_token.ts";
import { type AppOptions, createApp } from "../../../functions/app.ts";
import { Deployments } from "../../../functions/models/deployments.ts";
import { LayeredModels } from "../../../functions/models/layered_models.ts";
import { FolderModelStore } from "../../../functions/models/folder_models.ts";
import { FolderObjectStore } from "../../../functions/stores/folder.ts";
import { serveLocally } from "../../../functions/hosts/serve_locally.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { randomReading } from "../../reference/tiny_models.ts";
import { deploy, ownerKeys, releaseOf, smallModel } from "../models/owner.ts";
import {
  type Functions,
  infer,
  sealingKey,
  startSession,
} from "../../support/gateway.ts";

const access = new ConfiguredAccess([
  entry("acme", ["owner"], "all", "owner-token"),
  entry("other", ["owner"], ["other"], "other-token"),
  entry("plant", ["client"], "all", "client-token"),
]);

function entry(
  account: string,
  roles: ("client" | "owner")[],
  models: string[] | "all",
  token: string,
) {
  return { account, roles, models, sha256: tokenDigest(token) };
}

/** An answer's status, then what it says: a problem's code and detail, or the JSON. */
// deno-lint-ignore no-explicit-any
async function told(response: Response): Promise<any[]> {
  if (response.status === 204) return [204];
  const body = await response.json();
  if (response.ok) return [response.status, body];
  assert.equal(
    response.headers.get("content-type"),
    "application/problem+json",
  );
  assert.equal(body.status, response.status);
  return [response.status, body.code, body.detail];
}

/** The functions on a free port. */
function listen(options: Partial<AppOptions>) {
  const app = createApp({
    models: new LayeredModels(),
    sealingKey,
    access,
    insecureKeys: true,
    ...options,
  });
  const server = serveLocally(app.fetch);
  const root = server.url;
  return {
    root,
    /** As an account, by its token. */
    as: (token: string): Functions => ({
      request: (path, init) =>
        fetch(root + path, {
          ...init,
          headers: { ...init.headers, authorization: `Bearer ${token}` },
        }),
    }),
    call: async (
      method: string,
      path: string,
      token?: string,
      body?: BodyInit,
    ) =>
      await told(
        await fetch(`${root}/v1/admin/models${path}`, {
          method,
          body,
          headers: token ? { authorization: `Bearer ${token}` } : {},
        }),
      ),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function withDeployments(
  test: (deployments: Deployments, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const store = new FolderObjectStore(`${folder}/store`);
  await test(new Deployments({ store, ownerKeys }), folder);
  await Deno.remove(folder, { recursive: true });
}

Deno.test("admits owners alone, each for the models of their account", () =>
  withDeployments(async (deployments) => {
    await using server = listen({ models: deployments.models, deployments });
    const { call } = server;
    await deploy(deployments, smallModel("1"));
    const calls = [
      ["GET", ""],
      ["GET", "/small"],
      ["POST", "/small/uploads"],
      ["PUT", `/small/uploads/${"0".repeat(64)}/chunks/${"0".repeat(64)}`],
      ["POST", `/small/uploads/${"0".repeat(64)}/commit`],
      ["POST", "/small/versions/1/activate"],
      ["POST", "/small/rollback"],
      ["POST", "/small/withdraw"],
      ["DELETE", "/small/versions/1"],
    ];
    for (const [method, path] of calls) {
      for (const token of [undefined, "nobody's"]) {
        const [status, code] = await call(method, path, token);
        assert.deepEqual([status, code], [401, "unauthenticated"], path);
      }
      assert.deepEqual(await call(method, path, "client-token"), [
        403,
        "forbidden",
        "Cannot answer: expected an account with the role owner",
      ]);
      if (path === "") continue;
      assert.deepEqual(await call(method, path, "other-token"), [
        403,
        "forbidden",
        "Cannot answer: expected a model of this account",
      ]);
    }
    assert.deepEqual(await call("GET", "", "other-token"), [200, []]);
    const [status, [model]] = await call("GET", "", "owner-token");
    assert.deepEqual([status, model.name, model.active.version], [
      200,
      "small",
      "1",
    ]);
    assert.deepEqual(await call("GET", "/small", "owner-token"), [200, model]);
  }));

Deno.test("has no owners by default, and no control plane without a store", async () => {
  {
    await using server = listen({ access: undefined });
    const [status, code] = await server.call("GET", "", "owner-token");
    assert.deepEqual([status, code], [403, "forbidden"]);
  }
  await using server = listen({});
  for (const path of ["", "/small", "/small/rollback"]) {
    assert.deepEqual(await server.call("POST", path, "owner-token"), [
      422,
      "unsupported",
      "Cannot manage models: these functions have no store for them (CIPHERLAYER_STORE)",
    ]);
  }
});

Deno.test("uploads by hand, and refuses every wrong step", () =>
  withDeployments(async (deployments) => {
    await using server = listen({ models: deployments.models, deployments });
    const call = (method: string, path: string, body?: BodyInit) =>
      server.call(method, path, "owner-token", body);
    const { id, signed, chunks } = await releaseOf(smallModel("1"));
    const [, begun] = await call("POST", "/small/uploads", signed);
    assert.deepEqual([begun.id, begun.stored, begun.missing], [
      id,
      false,
      [...chunks.keys()],
    ]);
    const upload = `/small/uploads/${id}`;
    for (const [digest, bytes] of chunks) {
      const body = bytes as Uint8Array<ArrayBuffer>;
      const path = `${upload}/chunks/${digest}`;
      const [status, code] = await call("PUT", path, body.subarray(1));
      assert.deepEqual([status, code], [422, "checksum-mismatch"]);
      assert.deepEqual(await call("PUT", path, body), [204]);
    }
    assert.deepEqual(
      await call(
        "PUT",
        `${upload}/chunks/${"0".repeat(64)}`,
        new Uint8Array(9),
      ),
      [
        422,
        "checksum-mismatch",
        `Cannot take chunk: the release has no chunk ${"0".repeat(64)}`,
      ],
    );
    const large = new Uint8Array(2 ** 20 + 1);
    assert.deepEqual(
      await call("PUT", `${upload}/chunks/${"0".repeat(64)}`, large),
      [
        413,
        "body-too-large",
        "Cannot read body: expected at most 1048576 bytes",
      ],
    );
    const [, stored] = await call("POST", `${upload}/commit`);
    assert.deepEqual([stored.active, stored.uploads], [null, []]);
    assert.deepEqual(
      (await call("POST", "/small/uploads", "x".repeat(300_000))).slice(0, 2),
      [413, "body-too-large"],
    );
    assert.deepEqual((await call("GET", "/none")).slice(0, 2), [
      404,
      "model-not-found",
    ]);
    for (
      const [method, path] of [
        ["POST", "/small/versions/2/activate"],
        ["POST", "/small/versions/..%2f1/activate"],
        ["DELETE", "/small/versions/2"],
        ["POST", `/small/uploads/${"0".repeat(64)}/commit`],
      ]
    ) {
      const [status, code] = await call(method, path);
      assert.deepEqual([status, code], [404, "version-not-found"], path);
    }
    const [status, code] = await call("POST", "/small/rollback");
    assert.deepEqual([status, code], [409, "version-conflict"]);
    for (
      const path of [
        "/..%2f..%2fsmall/uploads",
        "/.small/uploads",
        "/a%20b/uploads",
      ]
    ) {
      const [status, code] = await call("POST", path, signed);
      assert.deepEqual([status, code], [400, "malformed"], path);
    }
    // Paths that do not exist.
    for (
      const [method, path] of [
        ["PUT", "/small"],
        ["POST", "/small/uploads/abc/commit"],
        ["GET", "/small/versions/1"],
      ]
    ) assert.equal((await call(method, path))[0], 404);
  }));

Deno.test("sessions end with the version that they began with", () =>
  withDeployments(async (deployments, folder) => {
    // The first version is a package of the machine, which the second one hides.
    const first = smallModel("1"), second = smallModel("2", 2);
    const third = smallModel("3", 3);
    await writePackage(`${folder}/packages/small/package`, first);
    const models = new LayeredModels(
      deployments.models,
      new FolderModelStore(`${folder}/packages`),
    );
    let nowMs = Date.now();
    await using server = listen({ models, deployments, clock: () => nowMs });
    const client = server.as("client-token");
    const reading = randomReading(first, 5);
    const ends = async (
      session: Awaited<ReturnType<typeof startSession>>,
      model: typeof first,
    ) => {
      const rounds = await infer([client], session, [reading]);
      const { integers } = simulate(model, reading);
      assert.deepEqual(rounds.at(-1)![0], integers);
    };
    const listed = async () => {
      const response = await client.request("/v1/models", {});
      const models: { name: string; version: string }[] = await response.json();
      return models.map(({ name, version }) => [name, version]);
    };

    const one = await startSession(client, "small");
    await deploy(deployments, second);
    assert.deepEqual(await listed(), [["small", "2"]]);
    const two = await startSession(client, "small");
    await deploy(deployments, third);
    const three = await startSession(client, "small");
    assert.deepEqual([one.version, two.version, three.version], [
      "1",
      "2",
      "3",
    ]);
    await ends(one, first);
    await ends(two, second);
    await ends(three, third);

    await server.call("POST", "/small/rollback", "owner-token");
    assert.equal((await startSession(client, "small")).version, "2");
    const removed = await server.call(
      "DELETE",
      "/small/versions/3",
      "owner-token",
    );
    assert.equal(removed[0], 200);
    await ends(two, second);
    await assert.rejects(ends(three, third), (error) => {
      assert(error instanceof CipherlayerError);
      assert.equal(error.code, "model-changed");
      assert.match(error.message, /version 3 of model small is no longer/);
      return true;
    });
    // No longer than its token is good for.
    nowMs += 2 * 60 * 60 * 1000;
    await assert.rejects(ends(two, second), /expired/);
  }));

Deno.test("a chunk or release that breaks off counts as no fault of the functions", () =>
  withDeployments(async (deployments) => {
    const codes: string[] = [];
    const recorded = Promise.withResolvers<void>();
    await using server = listen({
      models: deployments.models,
      deployments,
      observers: [{
        end: ({ code }) => {
          if (codes.push(code) === 2) recorded.resolve();
        },
      }],
    });
    const zeros = "0".repeat(64);
    for (
      const call of [
        "POST /v1/admin/models/small/uploads",
        `PUT /v1/admin/models/small/uploads/${zeros}/chunks/${zeros}`,
      ]
    ) {
      const { hostname, port } = new URL(server.root);
      using connection = await Deno.connect({ hostname, port: Number(port) });
      const text =
        `${call} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer owner-token\r\n` +
        "content-length: 1000\r\n\r\nhalf";
      await connection.write(new TextEncoder().encode(text));
    }
    await recorded.promise;
    assert(!codes.includes("server-fault"), `${codes}`);
  }));
