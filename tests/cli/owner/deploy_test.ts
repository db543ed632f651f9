/** The owner's commands as processes, against functions on a real port. */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { compactVerify, importJWK } from "jose";
import { ConfiguredAccess } from "../../../functions/access/configured_access.ts";
import { tokenDigest } from "../../../functions/access/bearer_token.ts";
import { createApp } from "../../../functions/app.ts";
import { Deployments } from "../../../functions/models/deployments.ts";
import { OwnerKeys } from "../../../functions/models/owner_keys.ts";
import { FolderObjectStore } from "../../../functions/stores/folder.ts";
import { OwnerKey } from "../../../cli/owner/owner_key.ts";
import { encodePackage } from "../../../models/package/package_bytes.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { makeRelease } from "../../../models/package/release.ts";
import { manifestContract } from "../../../models/protections/contract.ts";
import { largeModel, smallModel } from "../../functions/models/owner.ts";
import { serveLocally } from "../../../functions/hosts/serve_locally.ts";
import { cipherlayer } from "../../support/cli_process.ts";

const token = "the-owners-token";

/** Functions with a store in a folder of their own, and an owner's key beside it. */
async function startFunctions() {
  const folder = await Deno.makeTempDir();
  const key = await OwnerKey.create(`${folder}/owner.jwk`);
  const deployments = new Deployments({
    store: new FolderObjectStore(`${folder}/store`),
    ownerKeys: new OwnerKeys([key.publicKey]),
  });
  const app = createApp({
    models: deployments.models,
    deployments,
    sealingKey: new Uint8Array(32).fill(7),
    access: new ConfiguredAccess([{
      account: "acme",
      roles: ["owner"],
      models: "all",
      sha256: tokenDigest(token),
    }]),
  });
  const functions = {
    folder,
    url: "",
    /** Calls so far, as `PUT chunks`. */
    calls: [] as string[],
    /** Sees each call first, and what the functions would answer. */
    intercept: (_: string, answer: () => Promise<Response>) => answer(),
    command: (...args: string[]) => {
      const options = ["--url", functions.url, "--token", token];
      if (args[0] === "deploy") {
        options.push("--owner-key", `${folder}/owner.jwk`);
      }
      return [...args, ...options];
    },
    run: (...args: string[]) => cipherlayer(...functions.command(...args)),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    },
  };
  const server = serveLocally(
    async (request) => {
      const { pathname } = new URL(request.url);
      const what = pathname.split("/").slice(4).filter((part) =>
        /^[a-z]+$/.test(part)
      ).at(-1);
      const call = `${request.method} ${what}`;
      functions.calls.push(call);
      return await functions.intercept(
        call,
        () => Promise.resolve(app.fetch(request)),
      );
    },
  );
  functions.url = server.url;
  return functions;
}

const count = (calls: string[], call: string) =>
  calls.filter((other) => other === call).length;

Deno.test("deploy, killed in the middle, sends only what is missing when it is run again", async () => {
  await using functions = await startFunctions();
  const { folder, calls } = functions;
  const model = largeModel("1");
  await writePackage(`${folder}/package`, model);
  const { chunks } = makeRelease(encodePackage(model));
  assert(chunks.size >= 4);
  const contract = manifestContract(model.manifest);

  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      fileURLToPath(new URL("../../../cli/main.ts", import.meta.url)),
      ...functions.command("deploy", `${folder}/package`),
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  // One chunk arrives; the others are on their way when the process dies.
  let arrived = 0;
  const first = Promise.withResolvers<void>();
  functions.intercept = async (call, answer) => {
    if (call !== "PUT chunks") return await answer();
    if (++arrived === 1) {
      const response = await answer();
      first.resolve();
      return response;
    }
    const isLast = arrived === chunks.size;
    await first.promise;
    if (isLast) child.kill("SIGKILL");
    await child.status;
    return new Response(null, { status: 503 });
  };
  await child.status;
  functions.intercept = (_, answer) => answer();
  calls.length = 0;

  const again = await functions.run("deploy", `${folder}/package`, "--json");
  assert.equal(again.code, 0, again.stderr);
  const { id, ...report } = JSON.parse(again.stdout);
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.deepEqual(report, {
    name: "large",
    version: "1",
    bytes: [...chunks.values()].reduce((sum, { length }) => sum + length, 0),
    chunks: chunks.size,
    sent: chunks.size - 1,
    contract,
    active: "1",
  });
  assert.equal(count(calls, "PUT chunks"), chunks.size - 1);
  assert.match(
    again.stderr,
    new RegExp(`^1 of ${chunks.size} chunks are`, "m"),
  );
  assert.match(again.stderr, new RegExp(`^(\\d) of \\1 chunks are there`, "m"));

  // Once more: nothing is sent.
  calls.length = 0;
  const third = await functions.run("deploy", `${folder}/package`);
  assert.match(
    third.stdout,
    /^large 1: 2\.\d MiB, 0 of \d chunks sent, active$/m,
  );
  assert(third.stdout.includes(`\ncontract ${contract}\n`), third.stdout);
  assert.deepEqual(calls, ["POST uploads", "POST activate"]);
});

Deno.test("deploy waits out faults that pass, and repairs what the store lost", async () => {
  await using functions = await startFunctions();
  const { folder, calls } = functions;
  await writePackage(`${folder}/package`, smallModel("1"));
  let faults = 0;
  functions.intercept = async (call, answer) => {
    if (call === "PUT chunks" && faults++ === 0) {
      return new Response(null, { status: 503 });
    }
    if (call === "POST commit" && count(calls, call) === 1) {
      // A disk that lost a chunk between its arrival and the commit.
      const releases = `${folder}/store/releases/small`;
      for await (const { name } of Deno.readDir(releases)) {
        for await (const file of Deno.readDir(`${releases}/${name}`)) {
          if (file.name === "signed") continue;
          await Deno.remove(`${releases}/${name}/${file.name}`);
          break;
        }
      }
    }
    return await answer();
  };
  const done = await functions.run("deploy", `${folder}/package`, "--json");
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(JSON.parse(done.stdout).sent, 3);
  assert.match(done.stderr, /status 503.*; again in 0\.\d s$/m);
});

Deno.test("models lists, activates, rolls back and deletes versions", async () => {
  await using functions = await startFunctions();
  const { folder, run } = functions;
  assert.equal((await run("models", "list")).stdout, "No models\n");
  for (const version of ["1", "2"]) {
    const path = `${folder}/${version}`;
    await writePackage(path, smallModel(version, Number(version)));
    await run("deploy", path, version === "1" ? "--activate" : "--no-activate");
  }
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args, "--json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const { models: [before] } = await json("models", "list");
  assert.deepEqual([before.active.version, before.previous], ["1", null]);
  assert.equal((await json("models", "activate", "small", "2")).previous, "1");
  const { stdout } = await run("models", "list");
  assert.match(stdout, /^model +version +size +since +state$/m);
  assert.match(stdout, /^small +1 +\d\.\d KiB +\S+Z +active before$/m);
  assert.match(stdout, /^small +2 +\d\.\d KiB +\S+Z +active since \S+Z$/m);
  const active = await run("models", "delete", "small", "2");
  assert.equal(active.code, 1);
  assert.match(
    active.stderr,
    /version 2 is active: activate another, or withdraw the model, first$/m,
  );
  const back = await json("models", "rollback", "small");
  assert.equal(back.active.version, "1");
  const left = await json("models", "delete", "small", "2");
  assert.deepEqual(
    left.versions.map((stored: { version: string }) => stored.version),
    ["1"],
  );
});

Deno.test("owner-key makes a key once, readable by its user alone, and never shows it; deploy keeps unsound packages here", async () => {
  await using functions = await startFunctions();
  const { folder, calls } = functions;
  const path = `${folder}/mine.jwk`;
  const made = await cipherlayer("owner-key", "create", path);
  const jwk = JSON.parse(await Deno.readTextFile(path));
  assert.equal(made.stdout.trim(), jwk.x);
  assert(!made.stderr.includes(jwk.d));
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  const twice = await cipherlayer("owner-key", "create", path);
  assert.deepEqual([twice.code, twice.stderr], [
    2,
    `Cannot write ${path}: is there already\n`,
  ]);
  const key = await OwnerKey.read(path);
  assert(!Deno.inspect(key, { showHidden: true, depth: 9 }).includes(jwk.d));

  // Any implementation of JWS can check what the key signs.
  const { release } = makeRelease(encodePackage(smallModel("1")));
  const { payload, protectedHeader } = await compactVerify(
    await key.sign(release),
    await importJWK({ kty: "OKP", crv: "Ed25519", x: jwk.x }, "Ed25519"),
  );
  assert.deepEqual(JSON.parse(new TextDecoder().decode(payload)), release);
  assert.deepEqual(protectedHeader, {
    alg: "Ed25519",
    typ: "cipherlayer-release",
    kid: jwk.x,
  });

  await writePackage(`${folder}/package`, smallModel("1"));
  const deploy = (...args: string[]) =>
    cipherlayer("deploy", `${folder}/package`, "--url", functions.url, ...args);
  const stranger = await deploy("--token", token, "--owner-key", path);
  assert.equal(stranger.code, 1);
  assert.match(
    stranger.stderr,
    /status 403, .* is not one of the owners' keys/,
  );
  assert.equal((await deploy("--owner-key", path)).code, 2);
  calls.length = 0;
  await Deno.truncate(`${folder}/package/weights.safetensors`, 100);
  const truncated = await functions.run("deploy", `${folder}/package`);
  assert.equal(truncated.code, 1);
  assert.match(truncated.stderr, /^Cannot read package: expected "weights/m);
  assert.deepEqual(calls, []);
});
