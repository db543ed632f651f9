/**
 * The Node-RED nodes in a real Node-RED: installed from tarballs into an empty user
 * folder, deployed and asked through its own interfaces.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";
import { packSdk } from "../../cli/release/pack_sdk.ts";
import { packageFolder } from "../support/package_folder.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { freePort } from "../support/broker.ts";
import { startCloud } from "../support/cloud.ts";
import { canRun, nodeMajor, runCommand } from "../runtimes/processes.ts";
import { testKey } from "../vectors/keys.ts";
import { contracts } from "../../examples/contracts.ts";

const passphrase = "a passphrase";
const zoo = new URL("../../models/zoo/", import.meta.url);
const nodes = fileURLToPath(
  new URL("../../examples/node_red", import.meta.url),
);

const ignore = !await canRun("node-red", "--help") || await nodeMajor() < 20;

interface NodeRed extends AsyncDisposable {
  url: string;
  deploy(flows: unknown[]): Promise<void>;
}

/** Installs both packages offline in `userDir`, with a key that costs little. */
async function installNodes(userDir: string): Promise<void> {
  const sdk = join(userDir, "sdk.tgz");
  await packSdk(sdk);
  const name = await runCommand("npm", ["pack", "--silent", nodes], userDir);
  await Deno.writeTextFile(join(userDir, "package.json"), '{"private": true}');
  const fetched = [
    "@noble/curves/ed25519.js",
    "@noble/hashes/utils.js",
    "cborg",
  ]
    .map((entry) => packageFolder(fileURLToPath(import.meta.resolve(entry))));
  await runCommand("npm", [
    ...["install", "--offline", "--install-links", "--ignore-scripts"],
    ...["--no-audit", "--no-fund", `--cache=${join(userDir, "cache")}`],
    ...fetched,
    sdk,
    name.trim(),
  ], userDir);
  await Deno.mkdir(join(userDir, "cipherlayer"));
  const keys = new FileKeyStore(
    join(userDir, "cipherlayer", "gateway.key"),
    passphrase,
    { cost: 2 ** 12 },
  );
  await keys.save(testKey(512));
}

async function startNodeRed(userDir: string): Promise<NodeRed> {
  const port = await freePort();
  await Deno.writeTextFile(
    join(userDir, "settings.js"),
    `module.exports = {
      uiHost: "127.0.0.1",
      uiPort: ${port},
      credentialSecret: "secret",
      logging: { console: { level: "info" } },
      telemetry: { enabled: false },
    };`,
  );
  const child = spawn("node-red", ["--userDir", userDir], {
    env: { ...Deno.env.toObject(), NO_UPDATE_NOTIFIER: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let started = Promise.withResolvers<void>();
  const log: string[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => {
    log.push(line);
    if (/Started flows/.test(line)) started.resolve();
  });
  ended.then(() => started.reject(new Error(log.join("\n"))));
  await started.promise;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async deploy(flows) {
      started = Promise.withResolvers();
      const response = await fetch(`${url}/flows`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(flows),
      });
      assert.equal(response.status, 204, await response.text());
      await started.promise;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

/** Takes what flows post to it, in order. */
async function startSink() {
  const seen: string[] = [];
  const arrived = new EventTarget();
  const server = createServer(async (request: IncomingMessage, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    seen.push(text);
    response.end();
    arrived.dispatchEvent(new Event("arrived"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The first body that is `text`. */
    async includes(text: string) {
      while (!seen.includes(text)) await once(arrived, "arrived");
    },
    /** The first `count` bodies. */
    async until(count: number) {
      while (seen.length < count) await once(arrived, "arrived");
      return seen.slice(0, count);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/**
 * Flow: readings that are posted to /ask go to the model; answers and errors to `sink`,
 * the colours below the node to `dots`.
 */
function askFlow(
  { cloud, sink, dots, samples = 4 }: {
    cloud: string;
    sink: string;
    dots: string;
    samples?: number;
  },
): unknown[] {
  const toSink = (id: string) => ({
    ...{ id, z: "tab", type: "http request", method: "POST" },
    ...{ ret: "txt", paytoqs: "ignore", url: sink, wires: [[]] },
  });
  const asPayload = (id: string, code: string, to: string) => ({
    ...{ id, z: "tab", type: "function", func: code, outputs: 1 },
    wires: [[to]],
  });
  const nodes = [
    { id: "tab", type: "tab", label: "Test" },
    {
      ...{ id: "cloud", type: "cipherlayer-cloud", url: cloud, keyFile: "" },
      credentials: { passphrase },
    },
    {
      ...{ id: "ask", z: "tab", type: "http in", url: "/ask", method: "post" },
      wires: [["taken", "infer"]],
    },
    asPayload("taken", "return { res: msg.res, payload: 'taken' };", "reply"),
    { id: "reply", z: "tab", type: "http response", wires: [] },
    {
      ...{ id: "infer", z: "tab", type: "cipherlayer-infer", cloud: "cloud" },
      ...{ model: "occupancy", contract: contracts.occupancy, samples },
      ...{ keep: true, capacity: 100, clamp: false },
      wires: [["answer"]],
    },
    asPayload(
      "answer",
      "return { payload: { label: msg.payload, told: msg.cipherlayer } };",
      "answers",
    ),
    toSink("answers"),
    {
      ...{ id: "catch", z: "tab", type: "catch", scope: ["infer"] },
      wires: [["error"]],
    },
    asPayload(
      "error",
      "return { payload: { error: msg.error.message } };",
      "errors",
    ),
    toSink("errors"),
    {
      ...{ id: "status", z: "tab", type: "status", scope: ["infer"] },
      wires: [["dot"]],
    },
    asPayload(
      "dot",
      "const { fill, shape } = msg.status; return { payload: { fill, shape } };",
      "dots",
    ),
    { ...toSink("dots"), url: dots },
    {
      ...{ id: "list", z: "tab", type: "http in", url: "/list", method: "get" },
      wires: [["models"]],
    },
    {
      ...{ id: "models", z: "tab", type: "cipherlayer-models", cloud: "cloud" },
      wires: [["reply"]],
    },
  ];
  // A node without a place would be a configuration.
  return nodes.map((node) => "z" in node ? { ...node, x: 0, y: 0 } : node);
}

/** A flow of the package with one node posting to the sink instead of showing. */
async function exampleFlow(
  name: string,
  shown: string,
  { cloud, sink }: { cloud: string; sink: string },
): Promise<unknown[]> {
  const text = await Deno.readTextFile(`${nodes}/examples/${name}.json`);
  return JSON.parse(text).map((node: Record<string, unknown>) =>
    node.id === shown
      ? {
        ...{ ...node, type: "http request", method: "POST", url: sink },
        ...{ ret: "txt", paytoqs: "ignore", wires: [[]] },
      }
      : node.type === "cipherlayer-cloud"
      ? { ...node, url: cloud, credentials: { passphrase } }
      // The test's short key has less room.
      : node.type === "cipherlayer-infer"
      ? { ...node, samples: 1 }
      : node
  );
}

/** What the editor gets: each node's form, and help that explains every field. */
async function checkHelp(url: string): Promise<void> {
  const headers = { accept: "text/html" };
  const html = await (await fetch(`${url}/nodes`, { headers })).text();
  const part = (attribute: string, type: string) => {
    const [, text] = new RegExp(
      `<script type="text/html" ${attribute}="${type}">(.*?)</script>`,
      "s",
    ).exec(html) ?? [];
    assert.ok(text, `${type} has ${attribute}`);
    return text;
  };
  const fields = {
    "cipherlayer-cloud": ["url", "token", "keyFile", "passphrase"],
    "cipherlayer-infer": ["cloud", "model", "contract", "samples"],
    "cipherlayer-models": ["cloud"],
  };
  for (const [type, names] of Object.entries(fields)) {
    const form = part("data-template-name", type);
    for (const name of names) {
      assert.match(form, new RegExp(`id="node-(config-)?input-${name}"`));
    }
    assert.match(part("data-help-name", type), /<p>[^<]{20}/);
  }
  const explained: [string, string[]][] = [
    ["cipherlayer-cloud", ["URL", "Token", "Key file", "Passphrase"]],
    ["cipherlayer-infer", ["Together", "queue", "keep", "contract", "leakage"]],
  ];
  for (const [type, words] of explained) {
    const help = part("data-help-name", type);
    for (const word of words) assert.ok(help.includes(word), word);
  }
}

const occupied = { temperature: 22, humidity: 29, light: 460, co2: 950 };
const empty = { temperature: 19, humidity: 27, light: 0, co2: 440 };

Deno.test({
  name:
    "Node-RED nodes answer, wait for functions that are away, and keep readings through a deployment (ignored without node-red on the PATH: npm install --global node-red)",
  ignore,
  async fn() {
    const userDir = await Deno.makeTempDir();
    try {
      await installNodes(userDir);
      const models = await Promise.all(
        ["occupancy", "appliance"].map((name) =>
          readPackage(fileURLToPath(new URL(`${name}/package`, zoo)))
        ),
      );
      await using sink = await startSink();
      await using dots = await startSink();
      await using nodeRed = await startNodeRed(userDir);
      const ask = async (reading: unknown) => {
        const response = await fetch(`${nodeRed.url}/ask`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(reading),
        });
        assert.equal(await response.text(), "taken");
      };
      const cloud = startCloud(models);
      await using stopped = new AsyncDisposableStack();
      stopped.use(cloud);
      const urls = { cloud: cloud.url, sink: sink.url, dots: dots.url };
      await nodeRed.deploy(askFlow(urls));
      const dot = (fill: string, shape: string) =>
        dots.includes(JSON.stringify({ fill, shape }));
      await dot("yellow", "ring");
      await dot("green", "dot");
      await checkHelp(nodeRed.url);

      await ask(occupied);
      const answers = async (count: number) =>
        (await sink.until(count)).map((text) => JSON.parse(text));
      const [first] = await answers(1);
      assert.equal(first.label, "occupied");
      assert.equal(first.told.scores, null);
      assert.equal(first.told.leakage.cloudBits, 0);
      await ask({ ...empty, co2: 100_000 });
      const [, refused] = await answers(2);
      assert.match(refused.error, /co2/);
      const listed = await (await fetch(`${nodeRed.url}/list`)).json();
      assert.equal(listed[0].contract, contracts.occupancy);

      // Away: what is taken meanwhile waits, through a deployment of the flow.
      await cloud.stop();
      await ask(empty);
      await ask(occupied);
      await dot("blue", "dot");
      await dot("red", "ring");
      await nodeRed.deploy([
        ...askFlow({ ...urls, samples: 2 }),
        { id: "more", type: "tab", label: "More" },
      ]);
      stopped.use(startCloud(models, { port: cloud.port }));
      const [, , third, fourth] = await answers(4);
      assert.deepEqual([third.label, fourth.label], ["empty", "occupied"]);
      // Both waited, and one inference took both.
      assert.equal(third.told.totalMs, fourth.told.totalMs);
      assert.notEqual(first.told.totalMs, third.told.totalMs);

      // The flows that come with the package, their debug node replaced.
      for (const [name, prefix] of [["occupancy", "oc"], ["appliance", "ap"]]) {
        await nodeRed.deploy(
          await exampleFlow(name, `${prefix}-answer`, {
            cloud: cloud.url,
            sink: sink.url,
          }),
        );
        const injected = await fetch(`${nodeRed.url}/inject/${prefix}-inject`, {
          method: "POST",
        });
        assert.equal(await injected.text(), "OK");
        await sink.until(name === "occupancy" ? 5 : 6);
      }
      const [, , , , office, kettle] = await sink.until(6);
      assert.deepEqual([office, kettle], ["occupied", "WaterKettle"]);
    } finally {
      await Deno.remove(userDir, { recursive: true });
    }
  },
});
