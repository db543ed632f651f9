/** TLS of the hosts' own listeners: certificates, their renewal, and what holds as without. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  certificateFiles,
  readCertificate,
  watchCertificate,
} from "../../../functions/hosts/certificate.ts";
import { GuardedListener } from "../../../functions/hosts/guarded_listener.ts";
import { readPackage } from "../../../models/package/read_package.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { realReading } from "../../../sdk/fixed_point/quantise.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../../sdk/session/session.ts";
import { randomReading } from "../../reference/tiny_models.ts";
import { nodeMajor } from "../../runtimes/processes.ts";
import { hasOpenssl, makeCertificate } from "../../support/certificates.ts";
import { runInProcess } from "../../support/command_line.ts";
import { startHost } from "../../support/started_host.ts";
import { testKey } from "../../vectors/keys.ts";

const zoo = fileURLToPath(new URL("../../../models/zoo", import.meta.url));
const loopback = { hostname: "127.0.0.1", port: 0 };

const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const [first, second] = hasOpenssl
  ? await Promise.all(["first", "second"].map((name) => {
    return makeCertificate(folder, name);
  }))
  : [];

function test(name: string, fn: () => Promise<void>, ignore = false): void {
  Deno.test({ name, ignore: !hasOpenssl || ignore, fn });
}

/** A client that trusts one certificate alone, and opens a connection for itself. */
function trusting({ cert }: { cert: string }): Deno.HttpClient {
  return Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(cert)] });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

test("over TLS large bodies pass both ways under the caller's address, and stop lets a call end", async () => {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const listener = new GuardedListener(async (request, { remoteAddr }) => {
    const body = await request.bytes();
    if (new URL(request.url).pathname === "/slow") {
      begun.resolve();
      await released.promise;
    }
    const { hostname } = remoteAddr as Deno.NetAddr;
    return new Response(body, { headers: { "x-from": hostname } });
  }, { ...loopback, certificate: await readCertificate(first) });
  using client = trusting(first);
  const url = `https://127.0.0.1:${listener.port}`;
  const body = new Uint8Array(3_000_000);
  crypto.getRandomValues(body.subarray(1_000_000, 1_050_000));
  const response = await fetch(url, { method: "POST", body, client });
  assert.equal(response.headers.get("x-from"), "127.0.0.1");
  assert.deepEqual(await response.bytes(), body);
  const slow = fetch(`${url}/slow`, { method: "POST", body, client });
  await begun.promise;
  const stopped = listener.stop();
  using late = trusting(first);
  await assert.rejects(fetch(url, { client: late }));
  released.resolve();
  assert.deepEqual(await (await slow).bytes(), body);
  await stopped;
  await until(() => listener.connections === 0);
});

test("connections without a call are closed, before TLS is agreed on and after", async () => {
  const released = Promise.withResolvers<void>();
  const listener = new GuardedListener(async () => {
    await released.promise;
    return new Response("done");
  }, { ...loopback, idleMs: 50, certificate: await readCertificate(first) });
  const { port } = listener;
  using client = trusting(first);
  const answer = fetch(`https://127.0.0.1:${port}/`, { client });
  using mute = await Deno.connect({ port });
  using plain = await Deno.connect({ port });
  await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  using silent = await Deno.connectTls({
    port,
    hostname: "localhost",
    caCerts: [await Deno.readTextFile(first.cert)],
  });
  await silent.handshake();
  assert.equal(await mute.read(new Uint8Array(1)), null);
  await silent.read(new Uint8Array(1)).catch(() => null);
  await until(() => listener.connections === 1);
  released.resolve();
  assert.equal(await (await answer).text(), "done");
  await listener.stop();
});

test("a refused call leaves the others on its HTTP/2 connection alone", async () => {
  const begun = Promise.withResolvers<void>();
  const listener = new GuardedListener(async (request) => {
    if (request.url.endsWith("/refused")) {
      return new Response("no", { headers: { connection: "close" } });
    }
    begun.resolve();
    return new Response(await request.text());
  }, { ...loopback, certificate: await readCertificate(first) });
  using client = trusting(first);
  const url = `https://127.0.0.1:${listener.port}`;
  const rest = Promise.withResolvers<void>();
  const slow = fetch(url, {
    method: "POST",
    client,
    body: new ReadableStream({
      async start(controller) {
        controller.enqueue(new Uint8Array([65]));
        await rest.promise;
        controller.enqueue(new Uint8Array([66]));
        controller.close();
      },
    }),
  });
  await begun.promise;
  const refused = await fetch(`${url}/refused`, { client });
  assert.equal(await refused.text(), "no");
  assert.equal(listener.connections, 1);
  rest.resolve();
  assert.equal(await (await slow).text(), "AB");
  await listener.stop();
});

test("a renewed certificate serves new connections, and calls under way go on", async () => {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const listener = new GuardedListener(async ({ url }) => {
    if (!url.endsWith("/slow")) return new Response("quick");
    begun.resolve();
    await released.promise;
    return new Response("slow");
  }, { ...loopback, certificate: await readCertificate(first) });
  const url = `https://127.0.0.1:${listener.port}`;
  using old = trusting(first);
  const slow = fetch(`${url}/slow`, { client: old });
  await begun.promise;
  const files = { cert: `${folder}/live.pem`, key: `${folder}/live.key` };
  await Deno.copyFile(first.cert, files.cert);
  await Deno.copyFile(first.key, files.key);
  const { error } = console;
  const told: string[] = [];
  console.error = (text: string) => void told.push(text);
  const watch = watchCertificate(
    files,
    await readCertificate(files),
    (certificate) => listener.renew(certificate),
    5,
  );
  try {
    await Deno.copyFile(second.cert, files.cert);
    await until(() => told.length > 0);
    using still = trusting(first);
    const before = await fetch(url, { client: still });
    assert.equal(await before.text(), "quick");
    await Deno.copyFile(second.key, files.key);
    await until(() => told.length > 1);
  } finally {
    watch.stop();
    console.error = error;
  }
  assert.match(told[0], /got another's: the certificate read before stays/);
  assert.match(told[1], /is in use from now on/);
  using renewed = trusting(second);
  const after = await fetch(url, { client: renewed });
  assert.equal(await after.text(), "quick");
  using outdated = trusting(first);
  await assert.rejects(fetch(url, { client: outdated }));
  released.resolve();
  assert.equal(await (await slow).text(), "slow");
  await listener.stop();
});

test("files that are no certificate and its key are told by what they are", async () => {
  const locked = `${folder}/locked.key`;
  await new Deno.Command("openssl", {
    args: [
      ...["pkey", "-in", first.key, "-aes128", "-passout", "pass:x"],
      ...["-out", locked],
    ],
  }).output();
  const damaged = `${folder}/damaged.pem`;
  const text = await Deno.readTextFile(first.cert);
  await Deno.writeTextFile(damaged, text.replace(/\n.{20}/, "\n"));
  for (
    const [cert, key, message] of [
      [first.cert, `${folder}/none`, /^Cannot read .*none: no such file$/],
      [first.key, first.key, /expected a certificate in PEM, got private key$/],
      [first.cert, first.cert, /a private key in PEM, got certificate$/],
      [`${zoo}/occupancy/README.md`, first.key, /in PEM, got no PEM$/],
      [damaged, first.key, /got one that is damaged$/],
      [first.cert, locked, /locked\.key: expected a key without a passphrase$/],
      [first.cert, second.key, /first certificate in .*first\.pem, got anoth/],
    ] as const
  ) {
    await assert.rejects(readCertificate({ cert, key }), {
      name: "FileError",
      message,
    });
  }
});

test("one of certificate and key alone is misuse", async () => {
  assert.equal(certificateFiles({}), undefined);
  assert.throws(
    () => certificateFiles({ TLS_CERT: "a" }),
    /^RangeError: Cannot serve TLS: TLS_KEY is not set/,
  );
  const alone = await runInProcess("serve", "--cert", first.cert);
  assert.match(alone.stderr, /--cert and --key go together$/m);
  assert.equal(alone.code, 2);
  const wrong = await runInProcess(
    ...["serve", "--cert", first.cert, "--key", second.key],
  );
  assert.match(wrong.stderr, /^Cannot use .*second\.key: expected the key of/);
  assert.equal(wrong.code, 2);
});

for (const host of ["deno", "node"] as const) {
  test(
    `${host} answers whole inferences over TLS and stops gracefully`,
    async () => {
      const env: Record<string, string> = host === "deno"
        ? { CIPHERLAYER_STATE: "kv::memory:" }
        : {};
      await using started = await startHost(host, zoo, env, {
        certificate: first,
      });
      const { url } = started;
      using client = trusting(first);
      // Five seconds on Node; Deno's listener is tested above.
      const closed = host === "node" && closedWhenIdle(url);
      const model = await readPackage(`${zoo}/occupancy/package`);
      const integers = randomReading(model, 1);
      {
        using keys = new PaillierEngine(testKey(512));
        await using session = await connect({
          url,
          model: "occupancy",
          keys,
          fetch: (input, init) => fetch(input, { ...init, client }),
        });
        const { predicted } = await session.infer(
          realReading(integers, model.manifest.inputs),
        );
        const { scores } = simulate(model, integers);
        assert.equal(predicted, scores.indexOf(Math.max(...scores)));
      }
      await assert.rejects(fetch(`${url}/healthz`), TypeError);
      await closed;
      const call = await beginCall(url);
      Deno.kill(started.pid, "SIGTERM");
      while (await isOpen(url));
      assert.match(
        await call.end(),
        /^HTTP\/1\.1 (400|503) [^]*"code":"(malformed|overloaded)"/,
      );
      assert.equal(await started.ended, 0, started.log());
    },
    host === "node" && await nodeMajor() < 20,
  );
}

/** A call that the server has begun to read and whose body is still to come. */
async function beginCall(url: string): Promise<{ end(): Promise<string> }> {
  const connection = await open(url);
  await send(
    connection,
    "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n" +
      "content-type: application/cbor\r\ncontent-length: 10\r\n\r\n",
  );
  assert.match(await receive(connection) ?? "", /^HTTP\/1\.1 100 /);
  return {
    async end() {
      using _ = connection;
      await send(connection, "0123456789");
      let answer = "";
      for (let part: string | null = ""; part !== null;) {
        part = await receive(connection);
        answer += part ?? "";
      }
      return answer;
    },
  };
}

/** Resolves once the server has closed a connection on which one call was answered. */
async function closedWhenIdle(url: string): Promise<void> {
  using connection = await open(url);
  await send(connection, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
  while (await receive(connection) !== null);
}

function open(url: string): Promise<Deno.TlsConn> {
  return Deno.connectTls({
    hostname: "localhost",
    port: Number(new URL(url).port),
    caCerts: [Deno.readTextFileSync(first.cert)],
    alpnProtocols: ["http/1.1"],
  });
}

async function isOpen(url: string): Promise<boolean> {
  try {
    using _ = await Deno.connect({ port: Number(new URL(url).port) });
    return true;
  } catch {
    return false;
  }
}

async function send(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

/** What comes next; null at the end. */
async function receive(connection: Deno.Conn): Promise<string | null> {
  const bytes = new Uint8Array(4096);
  const length = await connection.read(bytes).catch(() => null);
  if (length === null) return null;
  return new TextDecoder().decode(bytes.subarray(0, length));
}
