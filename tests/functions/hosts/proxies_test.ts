/** nginx and HAProxy before two processes, configured as docs/hosting/ says. */
import assert from "node:assert/strict";
import { serveLocally } from "../../../functions/hosts/serve_locally.ts";
import { defaultLimits } from "../../../functions/admission/limits.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { realReading } from "../../../sdk/fixed_point/quantise.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { exponentialBackoff } from "../../../sdk/session/retry.ts";
import { connect, type Session } from "../../../sdk/session/session.ts";
import { randomReading, tinyDense } from "../../reference/tiny_models.ts";
import { hasOpenssl, makeCertificate } from "../../support/certificates.ts";
import { installed, startProxy } from "../../support/proxies.ts";
import { startHost } from "../../support/started_host.ts";
import { testKey } from "../../vectors/keys.ts";

const model = tinyDense();
const { name } = model.manifest;

const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
await writePackage(`${folder}/models/${name}`, model);
const certificate = hasOpenssl
  ? await makeCertificate(folder, "proxy")
  : { cert: "", key: "" };
const caCerts = hasOpenssl ? [Deno.readTextFileSync(certificate.cert)] : [];

const startInstance = () =>
  startHost("deno", `${folder}/models`, {
    CIPHERLAYER_STATE: `kv:${folder}/kv`,
    CIPHERLAYER_THREADS: "1",
  });
const portOf = ({ url }: { url: string }) => Number(new URL(url).port);

/** Asks one reading after another and compares; returns how many. */
async function inferUntil(
  session: Session,
  isEnough: (answered: number) => boolean,
): Promise<number> {
  let answered = 0;
  for (; !isEnough(answered); answered++) {
    const integers = randomReading(model, answered);
    const { scores } = await session.infer(
      realReading(integers, model.manifest.inputs),
    );
    assert.deepEqual(scores, Array.from(simulate(model, integers).scores));
  }
  return answered;
}

for (const proxy of ["nginx", "haproxy"] as const) {
  Deno.test({
    name:
      `${proxy} before two processes: bodies of 32 MiB, a frozen process, a killed one; no answer wrong, none lost`,
    ignore: !hasOpenssl || !installed[proxy],
    fn: async () => {
      await using one = await startInstance();
      await using two = await startInstance();
      const short = "1s";
      await using started = await startProxy(proxy, {
        certificate,
        ports: [one, two].map(portOf),
        changes: proxy === "nginx"
          ? { "proxy_read_timeout 120s": `proxy_read_timeout ${short}` }
          : { "timeout server 120s": `timeout server ${short}` },
      });
      const { url, port } = started;
      using client = Deno.createHttpClient({ caCerts });
      {
        using connection = await Deno.connectTls({
          port,
          hostname: "localhost",
          caCerts,
          alpnProtocols: ["h2", "http/1.1"],
        });
        const { alpnProtocol } = await connection.handshake();
        assert.equal(alpnProtocol, "h2");
      }
      const codeOf = async (bytes: number) => {
        const response = await fetch(`${url}/v1/rounds/0`, {
          method: "POST",
          headers: { "content-type": "application/cbor" },
          body: new Uint8Array(bytes),
          client,
        });
        return (await response.json()).code;
      };
      assert.equal(await codeOf(defaultLimits.bodyBytes), "malformed");
      // HAProxy has no limit of its own.
      if (proxy === "nginx") {
        const code = await codeOf(defaultLimits.bodyBytes + 1);
        assert.equal(code, "body-too-large");
      }
      const hidden = await fetch(`${url}/metrics`, { client });
      assert.equal(hidden.status, 404);
      await hidden.body?.cancel();

      using keys = new PaillierEngine(testKey(512));
      const faults: string[] = [];
      await using session = await connect({
        url,
        model: name,
        keys,
        fetch: (input, init) => fetch(input, { ...init, client }),
        retry: exponentialBackoff({
          firstDelayMs: 20,
          longestDelayMs: 200,
          attempts: 100,
        }),
      });
      session.addEventListener("retry", ({ detail: { error } }) => {
        faults.push(error.code);
      });
      await inferUntil(session, (answered) => answered === 4);
      Deno.kill(one.pid, "SIGSTOP");
      await inferUntil(session, (answered) => answered === 1);
      Deno.kill(one.pid, "SIGCONT");
      let killed = false;
      const asked = inferUntil(
        session,
        (answered) => {
          if (answered === 3) {
            Deno.kill(two.pid, "SIGKILL");
            two.ended.then(() => killed = true);
          }
          return killed && answered >= 10;
        },
      );
      assert(await asked >= 10);
      assert.deepEqual(
        faults.filter((code) =>
          !["network", "server-fault", "overloaded"].includes(code)
        ),
        [],
      );
    },
  });

  Deno.test({
    name: `${proxy} passes garbled calls on as they come`,
    ignore: !hasOpenssl || !installed[proxy],
    fn: async () => {
      const taken = Promise.withResolvers<string>();
      await using behind = serveLocally(() =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(new TextEncoder().encode("first"));
              await taken.promise;
              controller.enqueue(new TextEncoder().encode("rest"));
              controller.close();
            },
          }),
        )
      );
      await using started = await startProxy(proxy, {
        certificate,
        ports: [behind.port, behind.port],
      });
      using client = Deno.createHttpClient({ caCerts });
      const response = await fetch(
        `${started.url}/v1/sealed/activations/0`,
        { method: "POST", body: "call", client },
      );
      // Were the reply held back, this would wait for the proxy's time-out.
      let text = "";
      const parts = response.body!.pipeThrough(new TextDecoderStream());
      for await (const part of parts) {
        text += part;
        if (text === "first") taken.resolve("first");
      }
      assert.equal(text, "firstrest");
    },
  });
}
