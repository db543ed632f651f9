/** The functions as operators run them: a process, a folder of models, HTTP. */
import assert from "node:assert/strict";
import { runPaced } from "../../../functions/rounds/privacy/paced.ts";
import { FolderModelStore } from "../../../functions/models/folder_models.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import type { CipherlayerError } from "../../../sdk/support/errors.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
} from "../../reference/tiny_models.ts";
import { type Functions, infer, startSession } from "../../support/gateway.ts";
import { serve } from "../../support/served.ts";
import { manifestContract } from "../../../models/protections/contract.ts";

Deno.test("deno serve answers models, an inference, CORS and timing", async () => {
  const folder = await Deno.makeTempDir();
  const model = tinyLeNet();
  const { name } = model.manifest;
  await writePackage(`${folder}/${name}/package`, model);
  await using server = await serve({
    CIPHERLAYER_ORIGINS: "*",
    CIPHERLAYER_MODELS: folder,
    CIPHERLAYER_SEALING_KEY: "07".repeat(32),
    CIPHERLAYER_INSECURE_KEYS: "1",
  });
  assert.equal(await (await server.get("/healthz")).text(), "ok");
  const list = await (await server.get("/v1/models")).json();
  assert.deepEqual(list, [{
    name,
    version: "1",
    inputs: [{ name: "input", shape: [1, 12, 12], labels: null, units: null }],
    outputs: [{ name: "scores", shape: [4], labels: null, units: null }],
    contract: manifestContract(model.manifest),
  }]);
  assert.deepEqual(
    await (await server.get(`/v1/models/${name}`)).json(),
    list[0],
  );
  // Refused while it is still being sent: the answer arrives all the same.
  const large = await server.functions.request("/v1/rounds/0", {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: new Uint8Array(100 * 2 ** 20),
  });
  assert.deepEqual(
    [large.status, (await large.json()).code],
    [413, "body-too-large"],
  );
  const missing = await server.get("/v1/models/none");
  assert.equal(missing.status, 404);
  assert.equal(missing.headers.get("access-control-allow-origin"), "*");
  assert.equal((await missing.json()).code, "model-not-found");

  const timings: string[] = [];
  const functions: Functions = {
    request: async (path, init) => {
      const response = await server.functions.request(path, init);
      timings.push(response.headers.get("server-timing") ?? "");
      return response;
    },
  };
  const session = await startSession(functions, name);
  const reading = randomReading(model, 3);
  const rounds = await infer([functions], session, [reading]);
  assert.deepEqual(rounds[3][0], simulate(model, reading).integers);
  assert.equal(timings.length, 5);
  for (const timing of timings.slice(1)) {
    assert.match(timing, /^evaluate;dur=\d+\.\d$/);
  }
  assert(!server.printed().includes("SEALING_KEY"));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the server warns without a sealing key, and refuses short keys without the switch", async () => {
  const folder = await Deno.makeTempDir();
  const model = tinyDense();
  await writePackage(`${folder}/${model.manifest.name}`, model);
  await using server = await serve({ CIPHERLAYER_MODELS: folder });
  assert.match(
    server.printed(),
    /^CIPHERLAYER_SEALING_KEY is not set: using a random one/m,
  );
  await assert.rejects(
    startSession(server.functions, model.manifest.name),
    /expected a modulus of 2048, 3072, 4096 bits, got 512/,
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("notices changes in a folder of models and offers no unsound package", async () => {
  const folder = await Deno.makeTempDir();
  const model = tinyDense();
  const { name } = model.manifest;
  await writePackage(`${folder}/${name}`, model);
  const store = new FolderModelStore(folder);
  const first = await store.load(name);
  assert.equal(await store.load(name), first);

  model.manifest.version = "2";
  await writePackage(`${folder}/${name}`, model);
  await Deno.utime(`${folder}/${name}/manifest.json`, 1, 2);
  assert.equal((await store.load(name)).manifest.version, "2");

  await writePackage(`${folder}/alias`, model);
  await Deno.mkdir(`${folder}/empty`);
  await writePackage(`${folder}/tiny-1`, tinyLeNet());
  await Deno.truncate(`${folder}/tiny-1/weights.safetensors`, 100);
  assert.deepEqual((await store.list()).map(({ name }) => name), [name]);
  const codes = ["alias", "empty", "tiny-1", `../../${name}`, ".", ""].map(
    async (name) => {
      try {
        await store.load(name);
      } catch (error) {
        return (error as CipherlayerError).code;
      }
    },
  );
  assert.deepEqual(await Promise.all(codes), [
    "model-not-found",
    "model-not-found",
    "malformed",
    "model-not-found",
    "model-not-found",
    "model-not-found",
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a long computation lets the event loop run, and ends when its client has gone", async () => {
  function* forever(): Generator<void, never> {
    for (;;) yield;
  }
  const client = new AbortController();
  setTimeout(() => client.abort(new Error("gone")), 0);
  await assert.rejects(runPaced(forever(), { signal: client.signal }), /gone/);
});
