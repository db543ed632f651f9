/**
 * Figures of the simulation, drawn by Vega.
 *
 * @module
 */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Day } from "./day.ts";
import type { Scenario } from "./simulate.ts";

interface Run {
  routing: Scenario["routing"];
  days: Day[];
}

/** SVG by name. */
export async function scaleFigures(
  runs: readonly Run[],
): Promise<[name: string, svg: string][]> {
  const values = runs.flatMap(({ routing, days }) =>
    days.flatMap((day) => [
      { ...day, routing, percentile: "p50", seconds: day.p50Ms / 1000 },
      { ...day, routing, percentile: "p99", seconds: day.p99Ms / 1000 },
    ])
  );
  const gateways = {
    field: "gateways",
    type: "quantitative",
    scale: { type: "log" },
    axis: { title: "gateways", format: "~s", tickCount: 5 },
  } as const;
  const shared = {
    width: 420,
    height: 220,
    background: "white",
    mark: { type: "line", point: true },
  } as const;
  const latency: TopLevelSpec = {
    ...shared,
    data: { values },
    encoding: {
      x: gateways,
      y: {
        field: "seconds",
        type: "quantitative",
        axis: { title: "seconds to an answer" },
      },
      color: { field: "routing", type: "nominal" },
      strokeDash: { field: "percentile", type: "nominal" },
    },
  };
  const instances: TopLevelSpec = {
    ...shared,
    data: { values: values.filter(({ percentile }) => percentile === "p50") },
    encoding: {
      x: gateways,
      y: {
        field: "peakInstances",
        type: "quantitative",
        scale: { type: "log" },
        axis: { title: "instances at the peak", format: "~s", tickCount: 5 },
      },
      color: { field: "routing", type: "nominal" },
    },
  };
  return [
    ["scale-latency", await draw(latency)],
    ["scale-instances", await draw(instances)],
  ];
}

async function draw(spec: TopLevelSpec): Promise<string> {
  return await new View(parse(compile(spec).spec), { renderer: "none" })
    .toSVG();
}
