/** The metrics of a process, the documents and the alert rules name the same things. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { tokenDigest } from "../../../functions/access/bearer_token.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../../sdk/session/session.ts";
import { tinyDense } from "../../reference/tiny_models.ts";
import { canRun, runCommand } from "../../runtimes/processes.ts";
import { type StartedHost, startHost } from "../../support/started_host.ts";
import { testKey } from "../../vectors/keys.ts";

const docs = fileURLToPath(new URL("../../../docs/", import.meta.url));
const rules = `${docs}hosting/alerts.yaml`;
const token = "an-owner-of-models";
const ignore = !await canRun("promtool") || !await canRun("prometheus");

/** A process that has answered an inference. */
async function startServer(folder: string): Promise<StartedHost> {
  const model = tinyDense();
  const { name, inputs } = model.manifest;
  await writePackage(`${folder}/models/${name}`, model);
  const started = await startHost("deno", `${folder}/models`, {
    CIPHERLAYER_STATE: "kv::memory:",
    CIPHERLAYER_ACCESS: JSON.stringify({
      account: "acme",
      roles: ["client", "owner"],
      models: "all",
      sha256: tokenDigest(token),
    }),
  });
  using keys = new PaillierEngine(testKey(512));
  const { url } = started;
  await using session = await connect({ url, model: name, keys, token });
  await session.infer(new Float64Array(inputs[0].shape[0]));
  return started;
}

/** Names of metrics that a process tells, without those of a histogram's parts. */
async function listMetrics({ url }: StartedHost): Promise<string[]> {
  const refused = await fetch(`${url}/metrics`);
  assert.equal(refused.status, 401);
  await refused.body?.cancel();
  const response = await fetch(`${url}/metrics`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  return Array.from(text.matchAll(/^# TYPE (\w+) /gm), ([, name]) => name);
}

/** Names of metrics in a text. */
function namesIn(text: string): Set<string> {
  const names = text.matchAll(
    /\bcipherlayer_[a-z_]+_(?:total|seconds|bytes|calls)(?:_bucket)?\b/g,
  );
  return new Set(Array.from(names, ([name]) => name.replace(/_bucket$/, "")));
}

Deno.test("every metric of documents and rules is told by a process, and every one told is documented", async () => {
  const folder = await Deno.makeTempDir();
  {
    await using started = await startServer(folder);
    const told = await listMetrics(started);
    const operations = await Deno.readTextFile(`${docs}operations.md`);
    const [table] = /^\| metric [^]*?\n\n/m.exec(operations)!;
    assert.deepEqual([...namesIn(table)].sort(), told.toSorted());
    for (const text of [operations, await Deno.readTextFile(rules)]) {
      for (const name of namesIn(text)) assert(told.includes(name), name);
    }
  }
  await Deno.remove(folder, { recursive: true });
});

/** For each rule: series of an hour and more, a sample a minute, that it waits for. */
const alarming: Record<string, Record<string, string>> = {
  FunctionsDown: { 'up{job="cipherlayer",instance="one"}': "0x200" },
  FunctionsFail: {
    'cipherlayer_calls_total{code="server-fault"}': "0+1x200",
  },
  CallsTurnedAway: {
    'cipherlayer_calls_total{code="overloaded"}': "0+6x200",
    'cipherlayer_calls_total{code="ok"}': "0+94x200",
  },
  RoundsSlow: {
    'cipherlayer_call_duration_seconds_bucket{route="/v1/rounds/:index",model="m",le="3"}':
      "0+90x200",
    'cipherlayer_call_duration_seconds_bucket{route="/v1/rounds/:index",model="m",le="10"}':
      "0+100x200",
    'cipherlayer_call_duration_seconds_bucket{route="/v1/rounds/:index",model="m",le="+Inf"}':
      "0+100x200",
  },
  SomebodyProbes: {
    'cipherlayer_calls_total{code="token-altered"}': "0+10x200",
  },
  ModelIsBeingRead: {
    'cipherlayer_calls_total{code="budget-exceeded",model="m"}': "0+1x200",
  },
  InferencesBreakOff: {
    'cipherlayer_sessions_total{model="m"}': "0+11x200",
    'cipherlayer_inferences_total{model="n"}': "0+1x200",
  },
};

/** Series of days on which all is well. */
const calm = {
  'up{job="cipherlayer",instance="one"}': "1x200",
  'cipherlayer_calls_total{code="overloaded"}': "0+4x200",
  'cipherlayer_calls_total{code="ok"}': "0+96x200",
  'cipherlayer_calls_total{code="token-altered"}': "0+0x200",
  'cipherlayer_sessions_total{model="m"}': "0+5x200",
  'cipherlayer_inferences_total{model="m"}': "0+1x200",
};

Deno.test({
  name:
    "each rule alerts on the series that it waits for, and none on calm ones",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const text = await Deno.readTextFile(rules);
    const alerts = Array.from(
      text.matchAll(/- alert: (\w+)/g),
      ([, name]) => name,
    );
    assert.deepEqual(alerts, Object.keys(alarming));
    const seriesOf = (series: Record<string, string>) =>
      Object.entries(series).map(([series, values]) => ({ series, values }));
    const fires = (alert: string) =>
      `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`;
    const expect = (alert: string, value: number) => ({
      expr: fires(alert),
      eval_time: "2h30m",
      exp_samples: [{ labels: "{}", value }],
    });
    const tests = [
      ...Object.entries(alarming).map(([alert, series]) => ({
        input_series: seriesOf(series),
        promql_expr_test: [expect(alert, 1)],
      })),
      {
        input_series: seriesOf(calm),
        promql_expr_test: alerts.map((alert) => expect(alert, 0)),
      },
    ];
    await Deno.writeTextFile(
      `${folder}/test.json`,
      JSON.stringify({
        rule_files: [rules],
        evaluation_interval: "1m",
        tests: tests.map((test) => ({ interval: "1m", ...test })),
      }),
    );
    await runCommand("promtool", ["check", "rules", rules], folder);
    await runCommand("promtool", ["test", "rules", "test.json"], folder);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "a Prometheus scrapes the functions and evaluates every rule",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    await Deno.copyFile(rules, `${folder}/alerts.yaml`);
    await Deno.writeTextFile(`${folder}/owner.token`, token);
    {
      await using started = await startServer(folder);
      const { host } = new URL(started.url);
      const config = await Deno.readTextFile(`${docs}hosting/prometheus.yaml`);
      await Deno.writeTextFile(
        `${folder}/prometheus.yaml`,
        "global: { scrape_interval: 1s, evaluation_interval: 1s }\n" +
          config.replace(/\[.*:8001".*\]/, `["${host}"]`),
      );
      await runCommand(
        "promtool",
        ["check", "config", "prometheus.yaml"],
        folder,
      );
      await using prometheus = startPrometheus(folder);
      const ask = prometheus.ask;
      const names = await listMetrics(started);
      const query = async (expr: string) => {
        const path = `query?query=${encodeURIComponent(expr)}`;
        return (await ask(path) as { result: unknown[] }).result;
      };
      while ((await query('up{job="cipherlayer"} == 1')).length === 0) {
        await pause();
      }
      for (const name of names) {
        const { length } = await query(`{__name__=~"${name}(_bucket)?"}`);
        assert(length > 0, name);
      }
      interface Rule {
        name: string;
        health: string;
        lastError?: string;
        query: string;
      }
      const readRules = async () => {
        const { groups } = await ask("rules") as {
          groups: { rules: Rule[] }[];
        };
        return groups.flatMap(({ rules }) => rules);
      };
      let found = await readRules();
      while (found.some(({ health }) => health === "unknown")) {
        await pause();
        found = await readRules();
      }
      assert.deepEqual(found.map(({ name }) => name), Object.keys(alarming));
      for (const { health, lastError } of found) {
        assert.equal(health, "ok", lastError);
      }
    }
    await Deno.remove(folder, { recursive: true });
  },
});

/** Between two looks at something that is about to happen. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

function startPrometheus(folder: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const child = new Deno.Command("prometheus", {
    args: [
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
      "--log.level=error",
    ],
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let ended = false;
  const status = child.status.then(() => ended = true);
  return {
    /** The data of an answer; waits for a Prometheus that is starting. */
    async ask(path: string): Promise<unknown> {
      for (;;) {
        if (ended) throw new Error("Prometheus ended");
        const response = await fetch(`http://${address}/api/v1/${path}`)
          .catch(() => null);
        const body = await response?.text() ?? "";
        if (response?.ok) return JSON.parse(body).data;
        await pause();
      }
    },
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGTERM");
      await status;
    },
  };
}
