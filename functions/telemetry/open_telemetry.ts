/**
 * Gives calls to OpenTelemetry as metrics and spans.
 *
 * @module
 */
import {
  context,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { CallObserver, CallRecord } from "./call_record.ts";
import { instruments, type Level, secondsBuckets } from "./instruments.ts";

const scope = "cipherlayer";

/**
 * Gives calls to OpenTelemetry: metrics, and a span each with a child for each
 * phase. Deno exports them where `OTEL_DENO=true`, and has then opened a span for
 * the request already, which is used; otherwise nothing happens here.
 */
export class OpenTelemetryObserver implements CallObserver {
  readonly #tracer = trace.getTracer(scope);
  readonly #active;
  readonly #recorders;

  /** @param levels given beside what calls add up to */
  constructor(levels: readonly Level[] = []) {
    const meter = metrics.getMeter(scope);
    for (const { name, unit, help: description, read } of levels) {
      meter.createObservableGauge(name, { unit, description })
        .addCallback((result) => result.observe(read()));
    }
    this.#active = meter.createUpDownCounter("cipherlayer.active_calls", {
      unit: "{call}",
      description: "Calls under way.",
    });
    this.#recorders = instruments.map((instrument) => {
      const { name, kind, unit, help: description } = instrument;
      if (kind === "counter") {
        const counter = meter.createCounter(name, { unit, description });
        return (record: CallRecord) => {
          for (const sample of instrument.samples(record)) {
            counter.add(...sample);
          }
        };
      }
      const histogram = meter.createHistogram(name, {
        unit,
        description,
        advice: { explicitBucketBoundaries: secondsBuckets },
      });
      return (record: CallRecord) => {
        for (const sample of instrument.samples(record)) {
          histogram.record(...sample);
        }
      };
    });
  }

  begin(): void {
    this.#active.add(1);
  }

  end(record: CallRecord): void {
    this.#active.add(-1);
    for (const give of this.#recorders) give(record);
    const { startedMs, durationMs } = record;
    const opened = trace.getActiveSpan();
    const span = opened ?? this.#tracer.startSpan(
      "call",
      { kind: SpanKind.SERVER, startTime: startedMs },
    );
    describeCall(span, record);
    const within = trace.setSpan(context.active(), span);
    for (const phase of record.phases) {
      const child = this.#tracer.startSpan(
        phase.name,
        {
          startTime: phase.startedMs,
          attributes: phase.name === "evaluate"
            ? evaluationAttributes(record)
            : {},
        },
        within,
      );
      child.end(phase.startedMs + phase.durationMs);
    }
    if (!opened) span.end(startedMs + durationMs);
  }
}

function describeCall(span: Span, record: CallRecord): void {
  span.updateName(`${record.method} ${record.route}`);
  const attributes: Record<string, string | number | undefined> = {
    "http.route": record.route,
    "cipherlayer.request_id": record.requestId,
    "cipherlayer.code": record.code,
    "cipherlayer.model": record.model,
    "cipherlayer.version": record.version,
    "cipherlayer.samples": record.samples,
    "cipherlayer.key_bits": record.keyBits,
    "cipherlayer.round": record.round,
    "cipherlayer.shard": record.shard,
    "cipherlayer.shards": record.shards,
    "cipherlayer.products": record.products,
    "cipherlayer.ciphertexts_in": record.ciphertextsIn,
    "cipherlayer.ciphertexts_out": record.ciphertextsOut,
    "cipherlayer.bytes_in": record.bytesIn,
    "cipherlayer.bytes_out": record.bytesOut,
  };
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) span.setAttribute(name, value);
  }
  if (record.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
}

function evaluationAttributes({ evaluation }: CallRecord) {
  return Object.fromEntries(
    Object.entries(evaluation ?? {}).map((
      [part, ms],
    ) => [`cipherlayer.${part}_ms`, ms]),
  );
}
