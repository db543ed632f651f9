/** Telemetry of real processes: isolates side by side, spans as a collector gets them. */
import assert from "node:assert/strict";
import { writePackage } from "../../../models/package/read_package.ts";
import { randomReading, tinyDense } from "../../reference/tiny_models.ts";
import { infer, startSession } from "../../support/gateway.ts";
import { watchFunctions } from "../../support/watched_functions.ts";

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue?: string } }[];
}

Deno.test("any of several isolates gives the sum of their metrics", async () => {
  const models = await Deno.makeTempDir();
  await writePackage(`${models}/dense`, tinyDense());
  await using functions = await watchFunctions({
    CIPHERLAYER_MODELS: models,
    CIPHERLAYER_THREADS: "1",
    CIPHERLAYER_METRICS: "1",
    CIPHERLAYER_LOG: "calls",
    CIPHERLAYER_LOG_FORMAT: "json",
    DENO_JOBS: "2",
    OTEL_DENO: "false",
  }, { flags: ["--parallel"] });
  const get = async (path: string) => {
    // Connections are what the system deals out to isolates.
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const response = await fetch(functions.url + path, { client });
    return await response.text();
  };
  // Both isolates are there once both have said so.
  await functions.untilPrinted((printed) =>
    printed.split("CIPHERLAYER_SEALING_KEY is not set").length === 3
  );
  const calls = 24;
  for (let i = 0; i < calls; i++) assert.equal(await get("/healthz"), "ok");
  for (let scrape = 0; scrape < 8; scrape++) {
    assert.match(
      await get("/metrics"),
      new RegExp(
        `^cipherlayer_calls_total\\{method="GET",route="/healthz",model="",code="ok"\\} ${calls}$`,
        "m",
      ),
    );
  }
  assert.match(
    await get("/metrics"),
    /^cipherlayer_waiting_calls 0$[^]*^cipherlayer_process_memory_bytes \d{8,10}$/m,
  );
  const answering = new Set(
    functions.printed().match(/serve-worker-\d+/g) ?? [],
  );
  assert.equal(answering.size, 2);
  await Deno.remove(models, { recursive: true });
});

Deno.test("a span for each call, by its route, with a child for each phase, evaluated in threads or not", async () => {
  const models = await Deno.makeTempDir();
  const model = tinyDense();
  const { name } = model.manifest;
  await writePackage(`${models}/${name}`, model);
  await using functions = await watchFunctions({
    CIPHERLAYER_MODELS: models,
    CIPHERLAYER_SEALING_KEY: "07".repeat(32),
    CIPHERLAYER_THREADS: "2",
  });
  const ready = await fetch(`${functions.url}/readyz`);
  assert.deepEqual(await ready.json(), { ready: true, reasons: [] });
  const ids: string[] = [];
  const session = await startSession({
    request: (path, init) => fetch(functions.url + path, init),
  }, name);
  await infer(
    [{
      async request(path, init) {
        const response = await fetch(functions.url + path, init);
        ids.push(response.headers.get("x-request-id")!);
        return response;
      },
    }],
    session,
    [randomReading(model, 1)],
  );
  for (const id of ids) {
    await functions.untilCollected(({ path, body }) =>
      path === "/v1/traces" && body.includes(id)
    );
  }
  const spans: Span[] = functions.collected()
    .filter(({ path }) => path === "/v1/traces")
    .flatMap(({ body }) => JSON.parse(body).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans);
  const attribute = (span: Span, key: string) =>
    span.attributes.find((attribute) => attribute.key === key)?.value
      .stringValue;
  const calls = ids.map((id) =>
    spans.find((span) => attribute(span, "cipherlayer.request_id") === id)!
  );
  assert.equal(new Set(calls.map(({ traceId }) => traceId)).size, ids.length);
  for (const call of calls) {
    assert.equal(call.name, "POST /v1/rounds/:index");
    assert.equal(attribute(call, "cipherlayer.model"), name);
    assert.equal(attribute(call, "cipherlayer.code"), "ok");
    const phases = spans.filter(({ parentSpanId }) =>
      parentSpanId === call.spanId
    );
    const names = phases.map(({ name }) => name);
    for (const phase of ["read", "wait", "verify", "evaluate", "randomise"]) {
      assert(names.includes(phase), `${phase} among ${names}`);
    }
    for (const { traceId, startTimeUnixNano, endTimeUnixNano } of phases) {
      assert.equal(traceId, call.traceId);
      assert(BigInt(startTimeUnixNano) <= BigInt(endTimeUnixNano));
    }
  }
  await Deno.remove(models, { recursive: true });
});
