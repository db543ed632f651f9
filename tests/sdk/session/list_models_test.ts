/** The list of models: of real functions, and of servers that send anything else. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import {
  makeToken,
  tokenDigest,
} from "../../../functions/access/bearer_token.ts";
import { ConfiguredAccess } from "../../../functions/access/configured_access.ts";
import { serveLocally } from "../../../functions/hosts/serve_locally.ts";
import { listModels } from "../../../sdk/session/list_models.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { platformRandom } from "../../../sdk/support/random.ts";
import { tinyDense, tinyLeNet } from "../../reference/tiny_models.ts";
import { serve } from "../../support/serve_with_access.ts";
import { manifestContract } from "../../../models/protections/contract.ts";

const values = {
  name: "scores",
  shape: [2],
  labels: ["no", "yes"],
  units: null,
};
const info = {
  name: "a",
  version: "1",
  inputs: [{ name: "room", shape: [4], labels: null, units: ["°C"] }],
  outputs: [values],
  contract: `sha256:${"0".repeat(64)}`,
};

/** What `listModels` gives of a server that replies with this text to every call. */
async function listFrom(text: string, type = "application/json") {
  await using server = serveLocally(
    () => new Response(text, { headers: { "content-type": type } }),
  );
  return await listModels(server.url);
}

Deno.test("lists the models that the token's account may use", async () => {
  const [lenet, dense] = [tinyLeNet(), tinyDense()];
  const token = makeToken(platformRandom);
  const account = "meter";
  const access = new ConfiguredAccess([{
    account,
    roles: ["client"],
    models: [dense.manifest.name],
    sha256: tokenDigest(token),
  }]);
  await using open = serve([lenet, dense]);
  deepEqual(
    (await listModels(open.url)).map(({ name }) => name),
    [lenet, dense].map(({ manifest }) => manifest.name),
  );
  await using served = serve([lenet, dense], { access });
  const [own, ...others] = await listModels(served.url, { token });
  equal(own.name, dense.manifest.name);
  deepEqual(own.inputs[0].shape, dense.manifest.inputs[0].shape);
  equal(own.contract, manifestContract(dense.manifest));
  deepEqual(others, []);
  await rejects(listModels(served.url), { code: "unauthenticated" });
  const wrong = makeToken(platformRandom);
  await rejects(listModels(served.url, { token: wrong }), (error) => {
    ok(error instanceof CipherlayerError && !error.message.includes(wrong));
    equal(error.code, "unauthenticated");
    return true;
  });
});

Deno.test("refuses a reply that is no list of models", async () => {
  deepEqual(await listFrom(JSON.stringify([info])), [info]);
  const hostile: unknown[] = [
    {},
    [null],
    [{ ...info, name: 1 }],
    [{ ...info, name: "a".repeat(201) }],
    [{ ...info, inputs: [{ ...values, shape: [0] }] }],
    [{ ...info, inputs: [{ ...values, shape: [2 ** 24 + 1] }] }],
    [{ ...info, outputs: [{ ...values, shape: Array(9).fill(1) }] }],
    [{ ...info, outputs: [{ ...values, labels: [1] }] }],
    [{ ...info, outputs: [{ ...values, units: undefined }] }],
    [{ ...info, contract: null }],
    [{ ...info, other: 1 }],
    Array(4097).fill(info),
  ];
  for (const value of hostile) {
    await rejects(listFrom(JSON.stringify(value)), {
      code: "malformed",
      retryable: false,
      message: /^Cannot list models: expected /,
    }, JSON.stringify(value).slice(0, 80));
  }
  await rejects(listFrom("[{"), { code: "malformed", message: /JSON/ });
  await rejects(listFrom("[]", "text/html"), {
    code: "network",
    message: /expected application\/json, got text\/html/,
  });
  await rejects(listFrom(`[${"[],".repeat(2 ** 19)}[]]`), {
    code: "malformed",
    message: /expected models of at most 1048576 items, got more/,
  });
  await rejects(listFrom(" ".repeat(2 ** 24 + 1)), { code: "body-too-large" });
});

Deno.test("makes texts of a list printable, and quotes none in errors", async () => {
  const evil = "a\u001b[2J\u202e\u009bb";
  const labels = [evil, "other"];
  const hostile = { ...values, name: evil, labels, units: [evil, evil] };
  const [{ name, version, contract, inputs, outputs }] = await listFrom(
    JSON.stringify([{
      name: evil,
      version: evil,
      inputs: [hostile],
      outputs: [hostile],
      contract: evil,
    }]),
  );
  const clean = "a [2J b";
  deepEqual([name, version, contract], [clean, clean, clean]);
  const shown = {
    name: clean,
    shape: [2],
    labels: [clean, "other"],
    units: [clean, clean],
  };
  deepEqual([...inputs, ...outputs], [shown, shown]);
  await rejects(listFrom(`[${evil}`), (error) => {
    ok(error instanceof CipherlayerError);
    equal(error.cause, undefined);
    match(error.message, /expected JSON in UTF-8, got other bytes/);
    return true;
  });
});

Deno.test("reports an address where nothing listens as a network fault", async () => {
  await rejects(listModels("http://127.0.0.1:9"), (error) => {
    ok(error instanceof CipherlayerError);
    equal(error.code, "network");
    match(error.message, /v1\/models/);
    return true;
  });
});
