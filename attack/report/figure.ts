/**
 * Recovery by queries as SVG, without a library.
 *
 * @module
 */
import type { AttackReport, CurvePoint } from "./report.ts";

const width = 420, height = 260;
const left = 52, right = 12, top = 30, bottom = 44;
const colours: Record<string, string> = {
  none: "#888888",
  paper: "#d95f02",
  standard: "#1b70b8",
  strict: "#1b9e4b",
};

/** One panel for each attack that has curves, a line for each profile. */
export function recoveryFigure(
  model: string,
  reports: readonly AttackReport[],
): string {
  const drawn = reports.filter(({ curve }) => curve.length > 0);
  const attacks = [...new Set(drawn.map(({ attack }) => attack))];
  const panels = attacks.map((attack, i) =>
    panel(
      `${model}: ${attack}`,
      drawn.filter((report) => report.attack === attack),
      i * width,
    )
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${
      attacks.length * width
    }" height="${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...panels,
    "</svg>",
    "",
  ].join("\n");
}

function panel(
  title: string,
  reports: readonly AttackReport[],
  offset: number,
): string {
  const max = Math.max(
    ...reports.flatMap(({ curve }) => curve.map(({ queries }) => queries)),
  );
  const x = (queries: number) => left + queries / max * (width - left - right);
  const y = (share: number) =>
    height - bottom - share * (height - top - bottom);
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line x1="${left}" x2="${width - right}" y1="${y(share)}" y2="${
      y(share)
    }" stroke="#dddddd"/>`,
    `<text x="${left - 6}" y="${y(share) + 4}" text-anchor="end">${
      100 * share
    } %</text>`,
  ]);
  const lines = reports.map(({ profile, curve }, i) => [
    `<polyline fill="none" stroke="${
      colours[profile]
    }" stroke-width="2" points="${path(curve, x, y)}"/>`,
    `<text x="${width - right - 70}" y="${top + 14 * i + 60}" fill="${
      colours[profile]
    }">${profile}</text>`,
  ]).flat();
  return [
    `<g transform="translate(${offset} 0)">`,
    `<text x="${left}" y="18" font-size="13">${title}</text>`,
    ...ticks,
    `<text x="${left}" y="${height - 24}" text-anchor="middle">0</text>`,
    `<text x="${width - right}" y="${
      height - 24
    }" text-anchor="end">${max}</text>`,
    `<text x="${(left + width - right) / 2}" y="${
      height - 8
    }" text-anchor="middle">queries</text>`,
    `<text transform="translate(12 ${
      (top + height - bottom) / 2
    }) rotate(-90)" text-anchor="middle">weights recovered</text>`,
    ...lines,
    "</g>",
  ].join("\n");
}

function path(
  curve: readonly CurvePoint[],
  x: (queries: number) => number,
  y: (share: number) => number,
): string {
  return [{ queries: 0, recovered: 0 }, ...curve].map((point) =>
    `${x(point.queries).toFixed(1)},${y(point.recovered).toFixed(1)}`
  ).join(" ");
}
