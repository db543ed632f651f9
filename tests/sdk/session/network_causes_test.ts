import { equal, match, ok } from "node:assert/strict";
import { bundle } from "../../../functions/hosts/bundle.ts";
import { nodeMajor, runCommand } from "../../runtimes/processes.ts";
import { certificate, certificateKey } from "../../vectors/self_signed.ts";
import { type Cause, causesOf } from "./network_causes.ts";

/** Kinds of address, and what the message must say of each. */
const expected: Record<string, RegExp> = {
  refused: /refused.*; does anything listen there\?/i,
  unknown: /(ENOTFOUND|dns error|EAI_AGAIN).*; is the host's name right\?/,
  untrusted: /certificate.*; does this machine trust the certificate/i,
  "http behind https":
    /(wrong version number|corrupt message).*; does this port speak http, not https\?/i,
  "another protocol": /HTTP.*; does this port speak https, not http,/,
};

/** One address of each kind. */
async function withAddresses(
  use: (urls: string[]) => Promise<void>,
): Promise<void> {
  const silent = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const answer = () => new Response();
  const gone = Deno.serve(silent, answer);
  await gone.shutdown();
  await using tls = Deno.serve(
    { ...silent, cert: certificate, key: certificateKey },
    answer,
  );
  await using plain = Deno.serve(silent, answer);
  const ssh = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const greeting = (async () => {
    for await (const connection of ssh) {
      await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH\r\n"));
      connection.close();
    }
  })();
  try {
    await use([
      `http://127.0.0.1:${gone.addr.port}`,
      "http://functions.invalid",
      `https://127.0.0.1:${tls.addr.port}`,
      `https://127.0.0.1:${plain.addr.port}`,
      `http://127.0.0.1:${ssh.addr.port}`,
    ]);
  } finally {
    ssh.close();
    await greeting;
  }
}

function check(causes: Cause[]): void {
  for (const [index, [kind, pattern]] of Object.entries(expected).entries()) {
    const { code, retryable, message } = causes[index];
    equal(code, "network", kind);
    ok(retryable, kind);
    match(message, pattern);
    ok(!/fetch failed/.test(message), message);
  }
}

Deno.test("a network fault's message holds its cause", () =>
  withAddresses(async (urls) => check(await causesOf(urls))));

Deno.test({
  name: "a network fault's message holds its cause in Node",
  ignore: await nodeMajor() < 20,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/causes.mjs`;
      await bundle("tests/sdk/session/network_causes.ts", path);
      const script = `import { causesOf } from "${path}";
        const causes = await causesOf(JSON.parse(process.argv[1]));
        console.log(JSON.stringify(causes));`;
      await withAddresses(async (urls) => {
        const eval_ = ["--input-type=module", "--eval", script];
        const text = await runCommand(
          "node",
          [...eval_, JSON.stringify(urls)],
          folder,
        );
        check(JSON.parse(text));
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
