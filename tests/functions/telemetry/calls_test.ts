/** What is told of calls: records, metrics, log lines, readiness. */
import assert from "node:assert/strict";
import type { Access } from "../../../functions/access/principal.ts";
import { Gate } from "../../../functions/admission/gate.ts";
import { type AppOptions, createApp } from "../../../functions/app.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { CallNotes } from "../../../functions/telemetry/call_telemetry.ts";
import type { CallRecord } from "../../../functions/telemetry/call_record.ts";
import {
  instruments,
  levelsOf,
  prometheusName,
} from "../../../functions/telemetry/instruments.ts";
import { Log } from "../../../functions/telemetry/log.ts";
import {
  prometheusContentType,
  PrometheusObserver,
  prometheusText,
} from "../../../functions/telemetry/prometheus.ts";
import {
  kernelWorks,
  reachable,
} from "../../../functions/telemetry/readiness.ts";
import { remember } from "../../../functions/models/remember.ts";
import {
  answerCiphertexts,
  inputCiphertexts,
} from "../../../sdk/fixed_point/layout.ts";
import { bigIntKernel } from "../../../sdk/paillier/public/kernel_bigint.ts";
import { randomReading, tinyLeNet } from "../../reference/tiny_models.ts";
import { infer, sealingKey, startSession } from "../../support/gateway.ts";

const model = tinyLeNet();
const { name } = model.manifest;

function watchedApp(options: Partial<AppOptions> = {}) {
  const records: CallRecord[] = [];
  const counts = new PrometheusObserver();
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
    observers: [{ end: (record) => records.push(record) }, counts],
    metrics: {
      contentType: prometheusContentType,
      text: async () => prometheusText([await counts.snapshot()]),
      open: true,
    },
    ...options,
  });
  return { app, records };
}

const owners: Access = {
  identify: (request) =>
    Promise.resolve({
      account: "a",
      roles: request.headers.has("x-owner") ? ["owner"] : ["client"],
      models: "all",
    }),
};

/** Samples of a text in Prometheus's format by name and labels. */
function samplesOf(text: string): Map<string, number> {
  return new Map(
    text.split("\n").filter((line) => line && !line.startsWith("#"))
      .map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );
}

Deno.test("logs each call with its counts, phases and the id that the client gets", async () => {
  const { app, records } = watchedApp();
  const ids: (string | null)[] = [];
  const listening = {
    async request(path: string, init: RequestInit) {
      const response = await app.request(path, {
        ...init,
        headers: { ...init.headers, "x-request-id": "mine" },
      });
      const id = response.headers.get("x-request-id");
      ids.push(id);
      const told = records.find(({ requestId }) => requestId === id)!;
      assert.equal(told.bytesIn, (init.body as Uint8Array).length);
      assert.equal(told.bytesOut, (await response.clone().bytes()).length);
      return response;
    },
  };
  const session = await startSession(listening, name);
  await infer([listening], session, [randomReading(model, 1)], 2);
  const { rounds } = session.plan;
  assert.equal(records.length, 1 + 2 * rounds.length);
  assert.deepEqual(
    ids.toSorted(),
    records.map(({ requestId }) => requestId).sort(),
  );
  assert.equal(new Set(ids).size, records.length);

  const [opening, ...calls] = records;
  assert.deepEqual(
    [opening.route, opening.model, opening.version, opening.keyBits],
    ["/v1/sessions", name, "1", 512],
  );
  rounds.forEach(({ layout }, round) => {
    const shards = calls.filter((call) => call.round === round);
    assert.deepEqual(shards.map(({ shard }) => shard).sort(), [0, 1]);
    const answers = shards.reduce((sum, call) => sum + call.ciphertextsOut!, 0);
    assert.equal(answers, answerCiphertexts(layout));
    for (const call of shards) {
      assert.equal(call.route, "/v1/rounds/:index");
      assert.equal(call.ciphertextsIn, inputCiphertexts(layout));
      assert.equal(call.rounds, rounds.length);
      assert(Number.isSafeInteger(call.products) && call.products! > 0);
      assert.deepEqual(call.phases.map(({ name }) => name), [
        "admit",
        "read",
        "wait",
        "decode",
        "verify",
        "prepare",
        "admit",
        "evaluate",
        "randomise",
        "encode",
      ]);
      // One after another, all within the call.
      let at = call.startedMs;
      for (const { startedMs, durationMs } of call.phases) {
        assert(startedMs >= at - 1e-3);
        at = startedMs + durationMs;
      }
      assert(at <= call.startedMs + call.durationMs + 1e-3);
      assert(call.evaluation!.import! >= 0 && call.evaluation!.products! >= 0);
    }
  });
});

Deno.test("metrics are the sums of reported calls, and clients make no labels", async () => {
  const { app, records } = watchedApp();
  const session = await startSession(app, name);
  await infer([app], session, [randomReading(model, 1)], 2);
  for (let i = 0; i < 5; i++) {
    await assert.rejects(startSession(app, `made-up-${i}`));
    await app.request(`/made/up/${i}`, { method: `MADEUP${i}` });
    await app.request(`/v1/models/made-up-${i}`);
  }
  const response = await app.request("/metrics");
  assert.equal(response.headers.get("content-type"), prometheusContentType);
  const text = await response.text();
  assert.doesNotMatch(text, /made|MADE/);
  const samples = samplesOf(text);
  const sum = (pick: (record: CallRecord) => number | undefined) =>
    records.reduce((total, record) => total + (pick(record) ?? 0), 0);
  const rounds = session.plan.rounds.length;
  const labels = `model="${name}"`;
  const of = (text: string) => samples.get(`cipherlayer_${text}`);
  assert.equal(of(`sessions_total{${labels},key_bits="other"}`), 1);
  assert.equal(of(`inferences_total{${labels}}`), 1);
  assert.equal(
    of(`products_total{${labels}}`),
    sum(({ products }) => products),
  );
  assert.equal(
    of(`ciphertexts_total{${labels},direction="out"}`),
    sum(({ ciphertextsOut }) => ciphertextsOut),
  );
  assert.equal(
    of(`io_bytes_total{${labels},direction="in"}`),
    sum((record) => record.model ? record.bytesIn : 0),
  );
  const round = `route="/v1/rounds/:index",${labels}`;
  assert.equal(
    of(`calls_total{method="POST",${round},code="ok"}`),
    2 * rounds,
  );
  assert.equal(of(`call_duration_seconds_count{${round}}`), 2 * rounds);
  assert.equal(
    of(
      `calls_total{method="POST",route="/v1/sessions",model="",code="model-not-found"}`,
    ),
    5,
  );
  assert.equal(
    of(
      `calls_total{method="other",route="unmatched",model="",code="status-404"}`,
    ),
    5,
  );
  // The call that asks is under way itself.
  assert.equal(of("active_calls"), 1);
});

Deno.test("models beyond the first hundred share a label", async () => {
  const counts = new PrometheusObserver();
  const [call] = [{
    requestId: "",
    method: "POST",
    route: "/v1/sessions",
    status: 200,
    code: "ok",
    startedMs: 0,
    durationMs: 1,
    phases: [],
  }];
  for (let i = 0; i < 300; i++) {
    counts.begin();
    counts.end({ ...call, model: `model-${i}` });
  }
  const samples = samplesOf(await prometheusText([await counts.snapshot()]));
  const names = [...samples.keys()].filter((key) =>
    key.startsWith("cipherlayer_calls_total")
  );
  assert(names.length <= 101);
  const total = names.reduce((sum, key) => sum + samples.get(key)!, 0);
  assert.equal(total, 300);
});

Deno.test("metrics are for owners where they are not for all, and absent without a source", async () => {
  const source = { contentType: "text/plain", text: () => Promise.resolve("") };
  const { app } = watchedApp({
    access: owners,
    metrics: { ...source, open: false },
  });
  assert.equal((await app.request("/metrics")).status, 403);
  const headers = { "x-owner": "1" };
  assert.equal((await app.request("/metrics", { headers })).status, 200);
  const none = watchedApp({ metrics: undefined });
  assert.equal((await none.app.request("/metrics")).status, 404);
});

Deno.test("log lines have levels, JSON or text, and faults with their place", async () => {
  const records: CallRecord[] = [];
  const failing = Object.assign(new MemoryModelStore(model), {
    list: () => Promise.reject(new Error("the disk is gone")),
  });
  const { app } = watchedApp({
    models: failing,
    observers: [{ end: (record) => records.push(record) }],
  });
  await app.request("/healthz");
  await app.request("/v1/models/none");
  await app.request("/v1/models");
  const linesAt = (level: "off" | "errors" | "calls") => {
    const lines: string[] = [];
    const log = new Log({
      level,
      format: "json",
      write: (line) => lines.push(line),
    });
    records.forEach((record) => log.end(record));
    log.notice("a notice");
    return lines.map((line) => JSON.parse(line));
  };
  assert.deepEqual(linesAt("off"), []);
  assert.deepEqual(
    linesAt("errors").map(({ event, code }) => code ?? event),
    ["server-fault", "notice"],
  );
  const lines = linesAt("calls");
  assert.deepEqual(
    lines.map(({ level, code, status, route }) => [level, code, status, route]),
    [
      ["info", "ok", 200, "/healthz"],
      ["warn", "model-not-found", 404, "/v1/models/:name"],
      ["error", "server-fault", 500, "/v1/models"],
      ["warn", undefined, undefined, undefined],
    ],
  );
  assert.match(
    lines[2].fault,
    /^Error: the disk is gone\n.*calls_test\.ts:\d+/s,
  );

  const text: string[] = [];
  const write = (line: string) => text.push(line);
  const log = new Log({ level: "calls", format: "text", write });
  records.forEach((record) => log.end(record));
  assert.match(
    text[1],
    /^\d{4}-\S+Z warn {2}GET \/v1\/models\/:name 404 model-not-found [\d.]+ ms id \S{36}$/,
  );
});

Deno.test("readiness names the failing store, kernel or gate and no more", async () => {
  const readiness = async (options: Partial<AppOptions>) => {
    const { app } = watchedApp(options);
    const response = await app.request("/readyz");
    const { ready, reasons } = await response.json();
    assert.equal(ready, response.status === 200);
    assert.equal(response.status, reasons.length === 0 ? 200 : 503);
    return reasons;
  };
  assert.deepEqual(await readiness({}), []);
  const gone = Object.assign(new MemoryModelStore(), {
    list: () => Promise.reject(new Error("x")),
  });
  assert.deepEqual(await readiness({ models: gone }), [
    "the model store cannot be used",
  ]);
  const gate = new Gate();
  gate.drain();
  assert.deepEqual(await readiness({ gate }), ["stopping"]);
  const hung = reachable("it", () => new Promise(() => {}), 1);
  assert.deepEqual(await hung(), ["it does not answer"]);
  assert.deepEqual(await readiness({ ready: hung }), ["it does not answer"]);
  const wrong = kernelWorks({
    ...bigIntKernel,
    open(moduli, registers) {
      const arithmetic = bigIntKernel.open(moduli, registers);
      const { storePair } = arithmetic;
      arithmetic.storePair = (register, lane) => {
        const [a, b] = storePair.call(arithmetic, register, lane);
        return [a ^ 1n, b];
      };
      return arithmetic;
    },
  });
  assert.deepEqual(await wrong(), ["the kernel fails its self-test"]);
});

Deno.test("readiness is checked once for simultaneous probes, and again when it is old", async () => {
  let now = 0, asked = 0;
  const answer = Promise.withResolvers<void>();
  const check = remember(
    async () => {
      const number = ++asked;
      await answer.promise;
      return [`found ${number}`];
    },
    1000,
    () => now,
  );
  const first = check();
  now = 5000;
  const second = check();
  answer.resolve();
  assert.deepEqual([await first, await second], [["found 1"], ["found 1"]]);
  now = 5999;
  assert.deepEqual(await check(), ["found 1"]);
  now = 6000;
  assert.deepEqual(await check(), ["found 2"]);
});

Deno.test("a phase ends when the next begins; a thread's phases replace the wait for it", () => {
  let now = 100;
  const notes = new CallNotes(() => now);
  notes.enter("read");
  now = 103;
  notes.enter("wait");
  now = 150;
  notes.takeOver({
    code: "ok",
    phases: [
      { name: "decode", startedMs: 110, durationMs: 5 },
      { name: "evaluate", startedMs: 115, durationMs: 30 },
    ],
  });
  notes.leave();
  assert.deepEqual(notes.facts, {
    code: "ok",
    phases: [
      { name: "read", startedMs: 100, durationMs: 3 },
      { name: "wait", startedMs: 103, durationMs: 7 },
      { name: "decode", startedMs: 110, durationMs: 5 },
      { name: "evaluate", startedMs: 115, durationMs: 30 },
    ],
  });
});

Deno.test("docs/operations.md names every metric with its labels", async () => {
  const page = await Deno.readTextFile(
    new URL("../../../docs/operations.md", import.meta.url),
  );
  for (const instrument of [...instruments, ...levelsOf(new Gate())]) {
    const row = page.split("\n").find((line) =>
      line.startsWith(`| \`${prometheusName(instrument)}\``)
    );
    assert(row, instrument.name);
    const labels = "labels" in instrument ? instrument.labels : [];
    for (const label of labels) assert(row.includes(label), row);
  }
});
