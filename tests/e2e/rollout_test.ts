/** The lists of docs/operations.md, "Rolling out", line by line, while gateways infer. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { tokenDigest } from "../../functions/access/bearer_token.ts";
import { OwnerKey } from "../../cli/owner/owner_key.ts";
import { writePackage } from "../../models/package/read_package.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { realReading } from "../../sdk/fixed_point/quantise.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { exponentialBackoff } from "../../sdk/session/retry.ts";
import { connect, type Session } from "../../sdk/session/session.ts";
import { randomReading, tinyDense } from "../reference/tiny_models.ts";
import { runInProcess } from "../support/command_line.ts";
import { type StartedHost, startHost } from "../support/started_host.ts";
import { testKey } from "../vectors/keys.ts";

const token = "the-owners-token";

/** The lines of the runbook's lists, without comments. */
const operations = await Deno.readTextFile(
  fileURLToPath(new URL("../../docs/operations.md", import.meta.url)),
);
const [section] = /^## Rolling out\n[^]*?(?=^## )/m.exec(operations)!;
const [activation, withdrawal, release] = Array.from(
  section.matchAll(/^```\n([^]*?)^```/gm),
  ([, lines]) =>
    lines.trim().split("\n").map((line) => line.split(" #")[0].trim()),
);

/** Version 2 keeps the contract of version 1 and has other weights. */
const first = tinyDense();
Object.assign(first.manifest, { name: "my-model", version: "1" });
const second = structuredClone(first);
second.manifest.version = "2";
for (const { data } of second.tensors.values()) {
  data.forEach((value, i) => data[i] = -value);
}
const models: Record<string, ModelPackage> = { 1: first, 2: second };

Deno.test("the runbook of a rollout, line by line: no inference lost, none wrong, no session ended early", async () => {
  const folder = await Deno.makeTempDir();
  const instances = new Map<number, StartedHost>();
  try {
    const owner = await OwnerKey.create(`${folder}/owner.jwk`);
    for (const [number, model] of Object.entries(models)) {
      await writePackage(`${folder}/my-model-${number}`, model);
    }
    await Deno.mkdir(`${folder}/store`);
    await writePackage(`${folder}/models/other`, tinyDense());
    const settings = {
      CIPHERLAYER_STORE: `${folder}/store`,
      CIPHERLAYER_OWNER_KEYS: owner.publicKey,
      CIPHERLAYER_STATE: `kv:${folder}/state`,
      CIPHERLAYER_THREADS: "1",
      CIPHERLAYER_SESSIONS_PER_MINUTE: "100000",
      CIPHERLAYER_ACCESS: JSON.stringify({
        account: "acme",
        roles: ["client", "owner"],
        models: "all",
        sha256: tokenDigest(token),
      }),
    };
    const start = async (name: number, port?: number) => {
      instances.set(
        name,
        await startHost("deno", `${folder}/models`, settings, { port }),
      );
    };
    await Promise.all([start(8001), start(8002)]);
    const urls = [...instances.values()].map(({ url }) => url);

    const run = async (line: string) => {
      const [, command] = /^npx -y deno task cipherlayer (.*)$/.exec(line) ??
        [];
      const [, act, name] =
        /^(?:systemctl (stop|start) cipherlayer@|curl -sf http:.*:)(\d+)/
          .exec(line) ?? [];
      if (command) {
        const args = command.split(" ").map((word) =>
          word.startsWith("my-model-") ? `${folder}/${word}` : word
        );
        if (args[0] === "deploy") {
          args.push("--owner-key", `${folder}/owner.jwk`);
        }
        const result = await runInProcess(
          ...args,
          ...["--url", urls[0], "--token", token],
        );
        assert.equal(result.code, 0, `${line}: ${result.stderr}`);
        return result.stdout;
      }
      const instance = instances.get(Number(name))!;
      const port = Number(new URL(instance.url).port);
      if (act === "stop") {
        Deno.kill(instance.pid, "SIGTERM");
        assert.equal(await instance.ended, 0, instance.log());
      } else if (act === "start") {
        await instance[Symbol.asyncDispose]();
        await start(Number(name), port);
      } else {
        const ready = await fetch(`${instance.url}/readyz`);
        assert.equal(ready.status, 200, await ready.text());
      }
    };
    await run("npx -y deno task cipherlayer deploy my-model-1");

    const gateways = new Gateways(urls);
    await gateways.start();
    for (const line of activation.slice(0, -1)) {
      const printed = await run(line);
      if (line.endsWith("models list")) {
        assert.match(printed!, /my-model +1 .*active since[^]*my-model +2 /);
      }
      await gateways.untilMore();
    }
    assert.equal(gateways.kept.version, "1");
    assert.equal(gateways.sessionsOfKept, 1);
    assert(gateways.seen.has("1") && gateways.seen.has("2"));

    for (const line of release) {
      await run(line);
      await gateways.untilMore();
    }
    assert.equal(gateways.sessionsOfKept, 1);

    await run(activation.at(-1)!);
    // Every instance forgets a deleted version within a second.
    await gateways.untilKeptHas("2");
    await gateways.untilMore();

    await run(withdrawal[0]);
    await gateways.untilRefused();
    await gateways.untilMore(["kept"]);
    await gateways.stop();
    await run(withdrawal[1]);
    const { stdout } = await runInProcess(
      ...["models", "list", "--url", urls[1], "--token", token],
    );
    assert.equal(stdout, "No models\n");
  } finally {
    for (const instance of instances.values()) {
      await instance[Symbol.asyncDispose]();
    }
    await Deno.remove(folder, { recursive: true });
  }
});

/**
 * Two gateways that infer until they are stopped, one in a session that it keeps, one
 * in ever new ones, each call to the other instance than the one before.
 */
class Gateways {
  kept!: Session;
  /** Sessions that the first has begun. */
  sessionsOfKept = 0;
  /** Versions that new sessions got. */
  readonly seen = new Set<string>();
  readonly answered = { kept: 0, renewed: 0 };
  readonly #urls: readonly string[];
  readonly #keys = new PaillierEngine(testKey(512));
  #calls = 0;
  #stopping = false;
  #refused = false;
  #running: Promise<unknown> = Promise.resolve();
  #fault: unknown;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  async start(): Promise<void> {
    this.kept = await this.#connect(() => this.sessionsOfKept++);
    this.#running = Promise.all([this.#keep(), this.#renew()]).catch(
      (error) => this.#fault = error,
    );
  }

  /** Resolves once each has had two more answers. */
  async untilMore(
    which: ("kept" | "renewed")[] = ["kept", "renewed"],
  ): Promise<void> {
    const wanted = which.map((name) =>
      [name, this.answered[name] + 2] as const
    );
    await this.#until(() =>
      wanted.every(([name, count]) => this.answered[name] >= count)
    );
  }

  /** Resolves once the session that was kept has been begun anew under a version. */
  async untilKeptHas(version: string): Promise<void> {
    await this.#until(() => this.kept.version === version);
  }

  /** Resolves once a new session is refused because there is no version for it. */
  async untilRefused(): Promise<void> {
    await this.#until(() => this.#refused);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    await this.kept.close();
    this.#keys[Symbol.dispose]();
    if (this.#fault) throw this.#fault;
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#fault) throw this.#fault;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #connect(onSession: () => void): Promise<Session> {
    return connect({
      url: this.#urls[0],
      model: "my-model",
      keys: this.#keys,
      token,
      retry: exponentialBackoff({
        firstDelayMs: 20,
        longestDelayMs: 200,
        attempts: 200,
      }),
      fetch: (input, init) => {
        const { pathname } = new URL(`${input}`);
        if (pathname === "/v1/sessions") onSession();
        return fetch(this.#urls[this.#calls++ % 2] + pathname, init);
      },
    });
  }

  async #infer(session: Session): Promise<void> {
    const integers = randomReading(first, this.#calls);
    const { inputs } = first.manifest;
    const { scores } = await session.infer(realReading(integers, inputs));
    // The version that answered: a session that ended has been begun anew.
    const expected = simulate(models[session.version], integers).scores;
    assert.deepEqual(scores, Array.from(expected));
  }

  async #keep(): Promise<void> {
    for (; !this.#stopping; this.answered.kept++) await this.#infer(this.kept);
  }

  async #renew(): Promise<void> {
    while (!this.#stopping && !this.#refused) {
      try {
        await using session = await this.#connect(() => {});
        this.seen.add(session.version);
        await this.#infer(session);
        this.answered.renewed++;
      } catch (error) {
        if ((error as { code?: string }).code !== "model-not-found") {
          throw error;
        }
        this.#refused = true;
      }
    }
  }
}
