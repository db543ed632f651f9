/**
 * The packaged command on plain Node with a database beside it, as people without this
 * repository run it: owners' control plane, sealed models, budgets that instances share,
 * metrics, and an instance that is killed.
 */
import assert from "node:assert/strict";
import { connect } from "@cipherlayer/sdk";
import { startBalancer } from "../../bench/load/balancer.ts";
import { tokenDigest } from "../../functions/access/bearer_token.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { writePackage } from "../../models/package/read_package.ts";
import { tinyModel } from "../reference/tiny_models.ts";
import {
  freshDatabase,
  hasPostgres,
  hasRedis,
  password,
} from "../support/databases.ts";
import {
  model as sealed,
  openSealed,
  sampleOf,
} from "../support/sealed_session.ts";
import { testKey } from "../vectors/keys.ts";
import { installPrograms } from "./packed_programs.ts";
import { nodeMajor, runCommand } from "./processes.ts";

const isOld = await nodeMajor() < 20;
const token = "client-token";

/** A model whose last rounds take each token once. */
const open: ModelPackage = tinyModel(4, [6], [
  { kind: "dense", length: 5 },
  { kind: "dense", length: 4 },
  { kind: "dense", length: 3 },
]);
Object.assign(open.manifest, { name: "open", reveal: "label" });

interface Instance extends AsyncDisposable {
  url: string;
  port: number;
  log(): string;
  kill(): void;
}

/** `cipherlayer serve` of an installed package. */
async function serve(
  folder: string,
  env: Record<string, string>,
): Promise<Instance> {
  const child = new Deno.Command("node", {
    args: ["node_modules/cipherlayer/dist/cipherlayer.js", "serve", "--port=0"],
    cwd: folder,
    env: {
      CIPHERLAYER_SEALING_KEY: "7".repeat(64),
      CIPHERLAYER_INSECURE_KEYS: "1",
      CIPHERLAYER_THREADS: "2",
      ...env,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const listening = Promise.withResolvers<string>();
  let text = "";
  const reading = (async () => {
    for await (
      const part of child.stderr.pipeThrough(new TextDecoderStream())
    ) {
      text += part;
      const url = /Listening on (http:\S+)\//.exec(text)?.[1];
      if (url) listening.resolve(url);
    }
    listening.reject(new Error(text));
  })();
  const url = await listening.promise;
  return {
    url,
    port: Number(new URL(url).port),
    log: () => text,
    kill: () => child.kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await Promise.all([child.status, reading]);
    },
  };
}

interface Installed {
  folder: string;
  env: Record<string, string>;
  deploy(model: ModelPackage, url: string): Promise<void>;
}

/** The command in an empty folder, with an owner and a client. */
async function install(folder: string): Promise<Installed> {
  const program = await installPrograms(folder);
  const key = await runCommand(
    program,
    ["owner-key", "create", "owner.jwk", "--json"],
    folder,
  );
  const entries = ["owner", "client"].map((role) => ({
    account: role,
    roles: [role],
    models: "all",
    sha256: tokenDigest(`${role}-token`),
  }));
  return {
    folder,
    env: {
      CIPHERLAYER_STORE: "state",
      CIPHERLAYER_OWNER_KEYS: JSON.parse(key).publicKey,
      CIPHERLAYER_ACCESS: entries.map((entry) => JSON.stringify(entry))
        .join("\n"),
    },
    async deploy(model, url) {
      const { name } = model.manifest;
      await writePackage(`${folder}/${name}`, model);
      await runCommand(
        program,
        ["deploy", name, "--url", url, "--token", "owner-token"],
        folder,
      );
    },
  };
}

async function metricsOf({ url }: Instance, of: string): Promise<string> {
  const headers = { authorization: `Bearer ${of}-token` };
  return await (await fetch(`${url}/metrics`, { headers })).text();
}

/** A sealed model's labels, asked of one instance after the other. */
async function checkBudget(instances: Instance[]): Promise<void> {
  const { reading, label } = sampleOf(1);
  const outcomes: string[] = [];
  for (const { url } of instances) {
    await using session = await openSealed(url, { token });
    for (let i = 0; i < 2; i++) {
      outcomes.push(
        await session.infer(reading).then(
          ({ predicted }) => String(predicted === label),
          ({ code }) => code,
        ),
      );
    }
  }
  assert.deepEqual(outcomes, ["true", "true", "true", "budget-exceeded"]);
}

/** Inferences in sessions side by side, one instance killed once some are answered. */
async function checkKill([first, second]: Instance[]): Promise<void> {
  await using balancer = await startBalancer({
    ports: () => [first.port, second.port],
  });
  const samples = [1, 2, 3].map((seed) => sampleOf(seed, open));
  let answered = 0;
  const ask = async () => {
    await using session = await connect({
      url: balancer.url,
      model: open.manifest.name,
      token,
      keys: testKey(512),
    });
    const wrong: number[] = [];
    for (let i = 0; i < 12; i++) {
      const { reading, label } = samples[i % samples.length];
      if ((await session.infer(reading)).predicted !== label) wrong.push(i);
      // In the middle of the others' inferences.
      if (++answered === 6) first.kill();
    }
    return wrong;
  };
  const wrong = await Promise.all(Array.from({ length: 3 }, ask));
  assert.deepEqual(wrong, [[], [], []]);
  assert.equal(answered, 36);
}

Deno.test({
  name:
    "the packaged command on Node with Redis: control plane, sealed models, one budget, metrics, and a killed instance",
  ignore: isOld || !hasRedis,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    const { env, deploy } = await install(folder);
    const shared = {
      ...env,
      CIPHERLAYER_STATE: await freshDatabase("redis"),
      CIPHERLAYER_BUDGET_PER_MODEL_DAY: "3",
      CIPHERLAYER_LOG: "calls",
    };
    {
      await using first = await serve(folder, shared);
      await using second = await serve(folder, shared);
      const instances = [first, second];
      await t.step(
        "a sealed model is deployed to one instance and answered by both, which share its budget",
        async () => {
          await deploy(sealed, first.url);
          await checkBudget(instances);
        },
      );
      await t.step("metrics and log", async () => {
        const name = sealed.manifest.name;
        const sessions = new RegExp(
          `^cipherlayer_sessions_total\\{model="${name}".*\\} 1$`,
          "m",
        );
        for (const instance of instances) {
          assert.match(await metricsOf(instance, "owner"), sessions);
          assert.match(await metricsOf(instance, "client"), /"forbidden"/);
          assert.match(instance.log(), / POST \/v1\/sessions 200 ok /);
          assert.ok(!instance.log().includes(password));
        }
      });
    }
    const unlimited = { ...shared, CIPHERLAYER_BUDGET_PER_MODEL_DAY: "99999" };
    await using first = await serve(folder, unlimited);
    await using second = await serve(folder, unlimited);
    await t.step(
      "of inferences through a balancer none is wrong or lost when an instance is killed",
      async () => {
        await deploy(open, first.url);
        await checkKill([first, second]);
      },
    );
    if (!hasPostgres) return;
    await using other = await serve(folder, {
      ...env,
      CIPHERLAYER_STATE: await freshDatabase("postgres"),
    });
    await t.step("the same command on Postgres", async () => {
      await deploy(open, other.url);
      const { reading, label } = sampleOf(1, open);
      await using session = await connect({
        url: other.url,
        model: open.manifest.name,
        token,
        keys: testKey(512),
      });
      assert.equal((await session.infer(reading)).predicted, label);
    });
    await Deno.remove(folder, { recursive: true });
  },
});
