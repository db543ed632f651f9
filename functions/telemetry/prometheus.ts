/**
 * Metrics in Prometheus's text format.
 *
 * @module
 */
import {
  AggregatorRegistry,
  Counter,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";
import type { CallObserver, CallRecord } from "./call_record.ts";
import {
  instruments,
  type Level,
  prometheusName,
  secondsBuckets,
} from "./instruments.ts";

/** A registry's content, which isolates exchange. */
export type MetricsSnapshot = MetricObjectWithValues<MetricValue<string>>[];

export const prometheusContentType = Registry.PROMETHEUS_CONTENT_TYPE;

/** Counts calls for `GET /metrics`. */
export class PrometheusObserver implements CallObserver {
  readonly #registry = new Registry();
  readonly #active: Gauge;
  readonly #recorders: ((record: CallRecord) => void)[];

  /** @param levels given beside what calls add up to */
  constructor(levels: readonly Level[] = []) {
    const registers = [this.#registry];
    for (const level of levels) {
      new Gauge({
        name: prometheusName(level),
        help: level.help,
        registers,
        aggregator: level.ofProcess ? "first" : "sum",
        collect() {
          this.set(level.read());
        },
      });
    }
    this.#active = new Gauge({
      name: "cipherlayer_active_calls",
      help: "Calls under way.",
      registers,
    });
    this.#recorders = instruments.map((instrument) => {
      const { help, kind, labels } = instrument;
      const shared = {
        name: prometheusName(instrument),
        help,
        labelNames: labels,
        registers,
      };
      const metric = kind === "counter"
        ? new Counter(shared)
        : new Histogram({ ...shared, buckets: secondsBuckets });
      return (record) => {
        for (const [value, labels] of instrument.samples(record)) {
          if (metric instanceof Counter) metric.inc(labels, value);
          else metric.observe(labels, value);
        }
      };
    });
  }

  begin(): void {
    this.#active.inc();
  }

  end(record: CallRecord): void {
    this.#active.dec();
    for (const give of this.#recorders) give(record);
  }

  snapshot(): Promise<MetricsSnapshot> {
    return this.#registry.getMetricsAsJSON();
  }
}

/** The sum of snapshots in Prometheus's text format. */
export function prometheusText(snapshots: MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate(snapshots).metrics();
}
