/**
 * The lines of docs/hosting/Containerfile, run one after another without a container
 * engine: in a root of Debian that mmdebstrap makes.
 *
 * The run takes minutes and needs root and the network; it is asked for by
 * `CIPHERLAYER_CONTAINER=FOLDER`, in which the root of Debian is kept for the next time.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { packCommand } from "../../../cli/release/pack_programs.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { realReading } from "../../../sdk/fixed_point/quantise.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../../sdk/session/session.ts";
import { randomReading, tinyDense } from "../../reference/tiny_models.ts";
import { runCommand } from "../../runtimes/processes.ts";
import { runInProcess } from "../../support/command_line.ts";
import { testKey } from "../../vectors/keys.ts";

const file = fileURLToPath(
  new URL("../../../docs/hosting/Containerfile", import.meta.url),
);
const lines = (await Deno.readTextFile(file)).split("\n");
/** Name and text of each instruction. */
const instructions = lines
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => /^([A-Z]+) (.*)$/.exec(line)!.slice(1) as [string, string]);
const kept = Deno.env.get("CIPHERLAYER_CONTAINER");

Deno.test("the container runs as a user without privileges, from Debian and npm alone, and its command is one of ours", async () => {
  const of = (name: string) =>
    instructions.filter(([instruction]) => instruction === name)
      .map(([, text]) => text);
  assert.deepEqual(of("USER"), ["10001"]);
  assert.equal(of("FROM").every((text) => /^debian:\S+/.test(text)), true);
  assert.deepEqual(of("ADD"), []);
  for (const line of of("RUN")) assert.doesNotMatch(line, /https?:|curl|wget/);
  const [program, ...args] = JSON.parse(of("CMD").at(-1)!);
  assert.match(program, /\/cipherlayer$/);
  const { code, stderr } = await runInProcess(...args, "--help");
  assert.equal(code, 0, stderr);
});

Deno.test({
  name:
    "the lines of the Containerfile, run in roots of Debian, serve inferences",
  ignore: kept === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const debian = `${kept}/debian`;
    if (!existsSync(`${debian}/usr`)) {
      const [, image] = instructions[0];
      const suite = /^debian:(\w+)/.exec(image)![1];
      await runCommand(
        "mmdebstrap",
        ["--variant=apt", suite, debian],
        kept!,
      );
    }
    await packCommand(`${folder}/cipherlayer.tgz`);
    const [npm, ...install] = lines.find((line) =>
      /^# +npm install/.test(line)
    )!
      .replace(/^# +/, "").split(" ");
    await runCommand(npm, install, folder);
    const root = `${folder}/root`;
    await runCommand("cp", ["-a", debian, root], folder);
    for (const path of ["/etc/resolv.conf", "/etc/hosts"]) {
      await Deno.copyFile(path, root + path);
    }
    const port = freePort();
    let user = "0";
    let serving: ReturnType<typeof start> | undefined;
    try {
      for (const [name, text] of instructions) {
        switch (name) {
          case "RUN":
            await runIn(root, user, ["sh", "-c", text]);
            break;
          case "COPY": {
            const [source, target] = text.split(" ");
            const parent = root + target.slice(0, target.lastIndexOf("/"));
            await Deno.mkdir(parent, { recursive: true });
            const place = `${folder}/image/${source}`;
            await runCommand("cp", ["-a", place, root + target], folder);
            break;
          }
          case "USER":
            user = text;
            break;
          case "CMD": {
            const model = tinyDense();
            const place = `${root}/models/${model.manifest.name}`;
            await writePackage(place, model);
            serving = start(root, user, listOf(text, port));
            await checkServing(`http://127.0.0.1:${port}`);
          }
        }
      }
      const [, health] = instructions.find(([name]) => name === "HEALTHCHECK")!;
      await runIn(root, user, listOf(health.replace("CMD ", ""), port));
      const writable = await runIn(root, user, [
        "sh",
        "-c",
        "find / -xdev -writable ! -type l ! -path '/proc*' ! -path '/dev*' ! -path '/tmp/*' 2>/dev/null; :",
      ]);
      assert.deepEqual(writable.trim().split("\n").sort(), [
        "/run/lock",
        "/tmp",
        "/var/tmp",
      ]);
    } finally {
      const printed = await serving?.stop();
      await Deno.remove(folder, { recursive: true });
      if (printed !== undefined) assert.match(printed, /^Listening on/m);
    }
  },
});

/** The words of an instruction in JSON, on another port. */
function listOf(text: string, port: number): string[] {
  return JSON.parse(text.replaceAll("8000", `${port}`));
}

/** A command in a root, as engines run it: with no capabilities if it is a user's. */
function inRoot(root: string, user: string, command: string[]): string[] {
  const drop = user === "0" ? [] : [
    ...["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"],
    ...["--bounding-set=-all", "--no-new-privs"],
  ];
  const mounts =
    `mount -t proc proc ${root}/proc; mount --bind /dev ${root}/dev`;
  return [
    ...["--mount", "sh", "-c", `${mounts}; exec "$@"`, "sh"],
    ...["chroot", root, ...drop, ...command],
  ];
}

function runIn(
  root: string,
  user: string,
  command: string[],
): Promise<string> {
  return runCommand("unshare", inRoot(root, user, command), root, {
    DEBIAN_FRONTEND: "noninteractive",
    HOME: "/tmp",
  });
}

/** A server; to stop it gives what it has printed. */
function start(root: string, user: string, command: string[]) {
  const child = new Deno.Command("unshare", {
    args: inRoot(root, user, command),
    env: { CIPHERLAYER_INSECURE_KEYS: "1", CIPHERLAYER_THREADS: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let ended = false;
  const output = child.output().finally(() => ended = true);
  return {
    async stop(): Promise<string> {
      if (!ended) child.kill("SIGTERM");
      const { code, stderr } = await output;
      const printed = new TextDecoder().decode(stderr);
      assert.equal(code, 0, printed);
      return printed;
    },
  };
}

async function checkServing(url: string): Promise<void> {
  const model = tinyDense();
  using keys = new PaillierEngine(testKey(512));
  const { name } = model.manifest;
  await using session = await connect({ url, model: name, keys });
  const integers = randomReading(model, 1);
  const { scores } = await session.infer(
    realReading(integers, model.manifest.inputs),
  );
  assert.deepEqual(scores, Array.from(simulate(model, integers).scores));
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
