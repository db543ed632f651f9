/** `cipherlayer token` as operators call it. */
import assert from "node:assert/strict";
import { ConfiguredAccess } from "../../functions/access/configured_access.ts";
import { parseAccess } from "../../functions/access/entries.ts";
import { taskArguments } from "../support/task_command.ts";

async function token(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...taskArguments("cipherlayer"), "token", ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

function identify(line: string, secret: string, nowMs: number) {
  return new ConfiguredAccess(parseAccess(line), { clock: () => nowMs })
    .identify(
      new Request("http://localhost", {
        headers: { authorization: `Bearer ${secret}` },
      }),
    );
}

Deno.test("the line of token new admits the secret until it expires, and does not hold it", async () => {
  const madeMs = Date.now();
  const { code, stdout, stderr } = await token(
    ..."new --account plant-7 --role client owner --model a b --days 2 --json"
      .split(" "),
  );
  assert.deepEqual([code, stderr], [0, ""]);
  const { token: secret, entry } = JSON.parse(stdout);
  const line = JSON.stringify(entry);
  assert(!line.includes(secret));
  const principal = await identify(line, secret, madeMs);
  assert.deepEqual(
    [principal?.account, principal?.roles, principal?.models],
    ["plant-7", ["client", "owner"], ["a", "b"]],
  );
  const dayMs = 24 * 60 * 60 * 1000;
  assert(await identify(line, secret, madeMs + 2 * dayMs - 1));
  assert.equal(await identify(line, secret, Date.now() + 2 * dayMs), null);
});

Deno.test("token new prints the secret and the line once each, never the same twice", async () => {
  const made = await Promise.all(
    [0, 1].map(() => token("new", "--account", "a")),
  );
  const secrets = await Promise.all(made.map(async ({ stdout }) => {
    const [secret, ...others] = stdout.match(/cipherlayer_[\w-]{43}/g)!;
    assert.deepEqual(others, []);
    const line = stdout.split("\n").find((line) => line.startsWith("{"))!;
    const principal = await identify(line, secret, Date.now());
    assert.deepEqual(
      [principal?.account, principal?.roles, principal?.models],
      ["a", ["client"], "all"],
    );
    return secret;
  }));
  assert.notEqual(secrets[0], secrets[1]);
});

Deno.test("token refuses misuse with exit code 2 and the reason", async () => {
  for (
    const [args, why] of [
      ["new", /required option '--account <name>'/],
      ["new --account a --role root", /Allowed choices are client, owner/],
      ["new --account a --days 0", /whole number of 1 or more/],
    ] as const
  ) {
    const { code, stdout, stderr } = await token(...args.split(" "));
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, why);
  }
});
