/** Deploying to functions as operators run them: a process with threads, by the CLI. */
import assert from "node:assert/strict";
import { tokenDigest } from "../../../functions/access/bearer_token.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { cipherlayer } from "../../support/cli_process.ts";
import { randomReading } from "../../reference/tiny_models.ts";
import { type Functions, infer, startSession } from "../../support/gateway.ts";
import { serve } from "../../support/served.ts";
import { smallModel } from "./owner.ts";

Deno.test("a model is deployed to running functions and replaced under a session, threads included", async () => {
  const folder = await Deno.makeTempDir();
  const first = smallModel("1"), second = smallModel("2", 2);
  await writePackage(`${folder}/first`, first);
  await writePackage(`${folder}/second`, second);
  const key = `${folder}/owner.jwk`;
  const made = await cipherlayer("owner-key", "create", key, "--json");
  const { publicKey } = JSON.parse(made.stdout);
  const entries = [
    { account: "acme", roles: ["owner"], token: "owner-token" },
    { account: "plant", roles: ["client"], token: "client-token" },
  ].map(({ token, ...entry }) => ({
    ...entry,
    models: "all",
    sha256: tokenDigest(token),
  }));
  await using server = await serve({
    CIPHERLAYER_STORE: `${folder}/store`,
    CIPHERLAYER_OWNER_KEYS: publicKey,
    CIPHERLAYER_ACCESS: entries.map((entry) => JSON.stringify(entry)).join(
      "\n",
    ),
    CIPHERLAYER_SEALING_KEY: "07".repeat(32),
    CIPHERLAYER_INSECURE_KEYS: "1",
    CIPHERLAYER_THREADS: "2",
    CIPHERLAYER_STATE: `kv:${folder}/kv`,
  });
  const client: Functions = {
    request: (path, init) =>
      server.functions.request(path, {
        ...init,
        headers: { ...init.headers, authorization: "Bearer client-token" },
      }),
  };
  const deploy = async (path: string, token = "owner-token") =>
    await cipherlayer(
      ...["deploy", `${folder}/${path}`, "--url", server.url],
      ...["--token", token, "--owner-key", key, "--json"],
    );
  const reading = randomReading(first, 5);
  const answerOf = async (session: Awaited<ReturnType<typeof startSession>>) =>
    (await infer([client], session, [reading], 2)).at(-1)![0];

  const refused = await deploy("first", "client-token");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /status 403, .* role owner$/m);
  assert(!refused.stderr.includes("client-token"));
  await assert.rejects(startSession(client, "small"), /Cannot find model/);

  assert.deepEqual(JSON.parse((await deploy("first")).stdout).active, "1");
  const one = await startSession(client, "small");
  assert.deepEqual(await answerOf(one), simulate(first, reading).integers);
  assert.equal(JSON.parse((await deploy("second")).stdout).active, "2");
  const two = await startSession(client, "small");
  assert.equal(two.version, "2");
  assert.deepEqual(await answerOf(one), simulate(first, reading).integers);
  assert.deepEqual(await answerOf(two), simulate(second, reading).integers);
  assert(!server.printed().includes("-token"), server.printed());
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a store without owners, or of no known kind, is refused at the start", async () => {
  await assert.rejects(
    serve({ CIPHERLAYER_STORE: "/tmp/none" }),
    /expected the public keys of the models' owners in CIPHERLAYER_OWNER_KEYS/,
  );
  await assert.rejects(
    serve({
      CIPHERLAYER_STORE: "gs://bucket",
      CIPHERLAYER_OWNER_KEYS: "A".repeat(43),
    }),
    /expected state, s3:\/\/bucket\/prefix or a folder/,
  );
});
