/** `cipherlayer keys` as its users call it. */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { FileKeyStore } from "../../sdk/keys/key_store_file.ts";
import { exportPrivateJwk } from "../../sdk/paillier/private/jwk.ts";
import { taskArguments } from "../support/task_command.ts";
import { testKey } from "../vectors/keys.ts";

const passphrase = "typed by nobody";

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(
  program: string,
  args: string[],
  options: { env?: Record<string, string>; input?: string } = {},
): Promise<Result> {
  const child = new Deno.Command(program, {
    args,
    env: { NO_COLOR: "1", CIPHERLAYER_PASSPHRASE: "", ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(options.input ?? ""));
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

const command = [...taskArguments("cipherlayer"), "keys"];

function keys(...args: string[]): Promise<Result> {
  return run(Deno.execPath(), [...command, ...args], {
    env: { CIPHERLAYER_PASSPHRASE: passphrase },
  });
}

async function inFolder(test: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const small = ["--bits", "512", "--insecure", "--json"];

Deno.test("keys create, show, rotate and export agree with the file", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/gateway.key`;
    const created = await keys("create", path, ...small);
    equal(created.code, 0, created.stderr);
    const { fingerprint, bits } = JSON.parse(created.stdout);
    equal(bits, 512);
    const old = await new FileKeyStore(path, passphrase).load();
    equal(old?.publicKey.fingerprint, fingerprint);

    const rotated = await keys("rotate", path, "--insecure", "--json");
    equal(rotated.code, 0, rotated.stderr);
    notEqual(JSON.parse(rotated.stdout).fingerprint, fingerprint);
    const shown = await run(Deno.execPath(), [
      ...command,
      ...["show", path, "--json"],
    ]);
    deepEqual(JSON.parse(shown.stdout), {
      file: path,
      fingerprint: JSON.parse(rotated.stdout).fingerprint,
      retired: [fingerprint],
    });

    const key = (await new FileKeyStore(path, passphrase).load())!;
    const exported = await keys("export", path, "--private");
    deepEqual(JSON.parse(exported.stdout), exportPrivateJwk(key));
    const open = await keys("export", path);
    deepEqual(JSON.parse(open.stdout), exportPrivateJwk(key).pub);

    const options = ["--bits", "600", "--insecure", "--primes", "3"];
    equal((await keys("rotate", path, ...options)).code, 0);
    const three = await new FileKeyStore(path, passphrase).load();
    equal(three?.exportPrimes().length, 3);

    const again = await keys("create", path, ...small);
    equal(again.code, 2);
    match(again.stderr, /is there; use rotate/);
  });
});

Deno.test("keys import takes python-paillier's key, and retires the one before if asked", async () => {
  await inFolder(async (folder) => {
    const [path, jwk] = [`${folder}/gateway.key`, `${folder}/key.jwk`];
    const [one, two] = [testKey(512), testKey(1024)];
    await Deno.writeTextFile(jwk, JSON.stringify(exportPrivateJwk(one)));
    const imported = await keys("import", path, jwk, "--json");
    deepEqual(JSON.parse(imported.stdout), {
      file: path,
      fingerprint: one.publicKey.fingerprint,
      bits: 512,
    });
    await Deno.writeTextFile(jwk, JSON.stringify(exportPrivateJwk(two)));
    equal((await keys("import", path, jwk)).code, 2);
    equal((await keys("import", path, jwk, "--replace")).code, 0);
    const store = new FileKeyStore(path, passphrase);
    equal(await store.fingerprint(), two.publicKey.fingerprint);
    deepEqual(await store.listRetired(), [one.publicKey.fingerprint]);

    // No secret in what is said of a broken file.
    const secret = exportPrivateJwk(two).p;
    await Deno.writeTextFile(jwk, `{"p": "${secret}", oops}`);
    const broken = await keys("import", path, jwk, "--replace");
    equal(broken.code, 2);
    ok(!broken.stderr.includes(secret.slice(0, 8)));
  });
});

Deno.test("keys exits with 2 and a hint on misuse, with 1 on a wrong passphrase", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/gateway.key`;
    const missing = await keys("rotate", path);
    equal(missing.code, 2);
    match(missing.stderr, /keys create/);
    const short = await keys("create", path, "--bits", "1024");
    equal(short.code, 2);
    match(short.stderr, /at least 2048 bits/);
    ok(!existsSync(path));
    const without = await run(Deno.execPath(), [
      ...command,
      ...["create", path, ...small],
    ]);
    equal(without.code, 2);
    match(without.stderr, /expected a passphrase/);

    await Deno.writeTextFile(`${folder}/secret`, `${passphrase}\nmore\n`);
    await Deno.chmod(`${folder}/secret`, 0o644);
    const byFile = [...command, "create", path, ...small];
    const created = await run(Deno.execPath(), [
      ...byFile,
      `--passphrase-file=${folder}/secret`,
    ]);
    equal(created.code, 0, created.stderr);
    match(created.stderr, /Warning: .*secret may be used by others/);
    const wrong = await run(Deno.execPath(), [...command, "rotate", path], {
      env: { CIPHERLAYER_PASSPHRASE: "another" },
    });
    equal(wrong.code, 1);
    match(wrong.stderr, /wrong passphrase/);
    equal(
      (await keys("show", path, "--json")).stdout.match(/"retired":\[\]/)
        ?.length,
      1,
    );
  });
});

/** A terminal for the command, from util-linux. */
const script = "/usr/bin/script";

Deno.test({
  name:
    "keys shows no passphrase typed at a terminal (ignored without /usr/bin/script)",
  ignore: !existsSync(script) || Deno.build.os !== "linux",
  async fn() {
    await inFolder(async (folder) => {
      const path = `${folder}/gateway.key`;
      const line = [Deno.execPath(), ...command, "create", path, ...small];
      const typed = await run(script, [
        "--quiet",
        "--return",
        "--echo=never",
        `--command=${line.map((part) => `'${part}'`).join(" ")}`,
        "/dev/null",
      ], { input: `typeX\x7fd\ntyped\n` });
      equal(typed.code, 0, typed.stdout + typed.stderr);
      match(typed.stdout, /Passphrase: \s+Once more: \s+\{/);
      equal(
        (await new FileKeyStore(path, "typed").load())?.publicKey.modulusBits,
        512,
      );
    });
  },
});
