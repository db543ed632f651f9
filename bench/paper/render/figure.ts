/**
 * Vega-Lite specifications as SVG, legible on light and dark pages alike.
 *
 * @module
 */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

export type { TopLevelSpec };

/** One picture of the page. */
export interface Figure {
  /** Name of its file, without folder. */
  file: string;
  /** What it shows, for those who cannot see it. */
  alt: string;
  spec: TopLevelSpec;
}

/** Colours that differ in print and for colour-blind readers. */
export const colours = {
  ours: "#1b70b8",
  other: "#d95f02",
  third: "#1b9e4b",
  fourth: "#7b3f9e",
  grey: "#777777",
} as const;

/** Colours for the values of a field, in this order, with a legend below the figure. */
export function coloursOf(field: string, byValue: Record<string, string>) {
  return {
    field,
    type: "nominal",
    title: null,
    scale: { domain: Object.keys(byValue), range: Object.values(byValue) },
    legend: { orient: "bottom" },
  } as const;
}

/** A specification with the page's look. */
export function figureSpec(content: object): TopLevelSpec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    // On a dark page the figure is a white card.
    background: "white",
    padding: 12,
    config: {
      font: "sans-serif",
      axis: { labelFontSize: 13, titleFontSize: 13, titlePadding: 8 },
      legend: {
        labelFontSize: 13,
        titleFontSize: 13,
        labelLimit: 0,
        symbolStrokeWidth: 3,
      },
      concat: { spacing: 80 },
      header: { labelFontSize: 14, titleFontSize: 14 },
      title: { fontSize: 14, anchor: "start" },
      line: { strokeWidth: 2.5 },
      point: { filled: true, size: 60 },
      view: { stroke: "#cccccc" },
    },
    ...content,
  } as TopLevelSpec;
}

export async function toSvg(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
