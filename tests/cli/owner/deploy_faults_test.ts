/** `cipherlayer deploy` while chunks break off and the functions die and start again. */
import assert from "node:assert/strict";
import { tokenDigest } from "../../../functions/access/bearer_token.ts";
import { encodePackage } from "../../../models/package/package_bytes.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { makeRelease } from "../../../models/package/release.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { largeModel } from "../../functions/models/owner.ts";
import { serveLocally } from "../../../functions/hosts/serve_locally.ts";
import { infer, startSession } from "../../support/gateway.ts";
import {
  type FunctionsProcess,
  startFunctions,
} from "../../support/functions_process.ts";
import { randomReading } from "../../reference/tiny_models.ts";
import { cipherlayer } from "../../support/cli_process.ts";

const token = "the-token";

/** Sends the head of a chunk and half of its bytes, and nothing more. */
async function sendHalf(
  functions: FunctionsProcess,
  path: string,
  chunk: Uint8Array,
): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: functions.port,
  });
  const head = [
    `PUT ${path} HTTP/1.1`,
    "host: functions",
    `authorization: Bearer ${token}`,
    `content-length: ${chunk.length}`,
    "\r\n",
  ].join("\r\n");
  const half = [
    new TextEncoder().encode(head),
    chunk.subarray(0, chunk.length / 2),
  ];
  for (const bytes of half) {
    for (let at = 0; at < bytes.length;) {
      at += await connection.write(bytes.subarray(at));
    }
  }
  return connection;
}

Deno.test("deploy ends well though chunks are cut and the functions are killed in the middle", async () => {
  const folder = await Deno.makeTempDir();
  const model = largeModel("1");
  await writePackage(`${folder}/package`, model);
  const { chunks } = makeRelease(encodePackage(model));
  const key = `${folder}/owner.jwk`;
  const made = await cipherlayer("owner-key", "create", key, "--json");
  const entry = {
    account: "acme",
    roles: ["client", "owner"],
    models: "all",
    sha256: tokenDigest(token),
  };
  const start = (port = 0) =>
    startFunctions("", {
      CIPHERLAYER_STORE: `${folder}/store`,
      CIPHERLAYER_OWNER_KEYS: JSON.parse(made.stdout).publicKey,
      CIPHERLAYER_ACCESS: JSON.stringify(entry),
      CIPHERLAYER_THREADS: "1",
    }, port);
  let functions = await start();
  const { port } = functions;

  /** Chunks whose bytes reached the store, by what the store's folder holds. */
  const present = async () => {
    const names: string[] = [];
    const releases = `${folder}/store/releases/large`;
    for await (const { name } of Deno.readDir(releases)) {
      for await (const file of Deno.readDir(`${releases}/${name}`)) {
        if (/^[0-9a-f]{64}$/.test(file.name)) names.push(file.name);
      }
    }
    return names;
  };

  // One call after the other, so that each fault meets the chunk that it is for.
  let before: Promise<unknown> = Promise.resolve();
  let puts = 0;
  const faults: string[] = [];
  const pass = async (request: Request, body: Uint8Array<ArrayBuffer>) => {
    const { pathname, search } = new URL(request.url);
    const digest = pathname.split("/").at(-1)!;
    if (request.method === "PUT") puts++;
    if (request.method === "PUT" && (puts === 1 || puts === 3)) {
      using _ = await sendHalf(functions, pathname, body);
      if (puts === 3) {
        functions.child.kill("SIGKILL");
        await functions[Symbol.asyncDispose]();
        functions = await start(port);
      }
      faults.push(digest);
      assert(!(await present()).includes(digest), "half a chunk is none");
      return new Response(null, { status: 502 });
    }
    const answer = await fetch(functions.url + pathname + search, {
      method: request.method,
      headers: { authorization: request.headers.get("authorization")! },
      body: request.method === "GET" ? undefined : body,
    });
    return new Response(answer.status === 204 ? null : await answer.bytes(), {
      status: answer.status,
      headers: answer.headers,
    });
  };
  await using gateway = serveLocally(
    async (request) => {
      const body = await request.bytes();
      const answer = before.then(() => pass(request, body));
      before = answer.catch(() => {});
      return await answer;
    },
  );

  const done = await cipherlayer(
    ...["deploy", `${folder}/package`, "--token", token, "--owner-key", key],
    ...["--url", gateway.url, "--json"],
  );
  assert.equal(done.code, 0, done.stderr);
  const { sent, active } = JSON.parse(done.stdout);
  assert.deepEqual([sent, active], [chunks.size, "1"]);
  assert.equal(faults.length, 2);
  assert.equal(puts, chunks.size + faults.length);
  assert.deepEqual((await present()).sort(), [...chunks.keys()].sort());

  const client = {
    request: (path: string, init: RequestInit) =>
      fetch(functions.url + path, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${token}` },
      }),
  };
  const reading = randomReading(model, 5);
  const session = await startSession(client, "large");
  const [scores] = (await infer([client], session, [reading])).at(-1)!;
  assert.deepEqual(scores, simulate(model, reading).integers);
  await functions[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});
