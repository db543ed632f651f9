/**
 * Handwritten digits as pen strokes.
 *
 * @module
 */
/**
 * Handwritten digits as pen strokes. Coordinates are fractions of the digit's
 * height: x to the right, y down, the digit between (0, 0) and about (0.7, 1).
 */
export type Point = readonly [x: number, y: number];
export type Stroke = readonly Point[];

/** One way to write one digit. */
export interface Glyph {
  digit: number;
  strokes: Stroke[];
}

/** Straight lines from point to point. */
export function lines(...points: Point[]): Stroke {
  return points;
}

/** An arc of an ellipse; angles in degrees, 0 to the right, 90 down. */
export function arc(
  centre: Point,
  radii: Point,
  fromDegrees: number,
  toDegrees: number,
): Stroke {
  const steps = Math.max(2, Math.ceil(Math.abs(toDegrees - fromDegrees) / 6));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = (fromDegrees + (toDegrees - fromDegrees) * i / steps) *
      Math.PI / 180;
    return [
      centre[0] + radii[0] * Math.cos(angle),
      centre[1] + radii[1] * Math.sin(angle),
    ];
  });
}

/** A smooth curve through all points (Catmull-Rom). */
export function curve(...through: Point[]): Stroke {
  const steps = 12;
  const at = (i: number) =>
    through[Math.min(Math.max(i, 0), through.length - 1)];
  const points: Point[] = [];
  for (let i = 0; i + 1 < through.length; i++) {
    for (let step = 0; step < steps; step++) {
      points.push(
        between([at(i - 1), at(i), at(i + 1), at(i + 2)], step / steps),
      );
    }
  }
  return [...points, at(through.length - 1)];
}

/** The point at share `t` of the way from `b` to `c`, neighbours `a` and `d`. */
function between([a, b, c, d]: Point[], t: number): Point {
  const axis = (k: 0 | 1) =>
    b[k] + t / 2 * (c[k] - a[k] +
        t * (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k] +
            t * (3 * (b[k] - c[k]) + d[k] - a[k])));
  return [axis(0), axis(1)];
}

/** At least two ways to write each digit. */
export const glyphs: readonly Glyph[] = [
  { digit: 0, strokes: [arc([0.33, 0.5], [0.32, 0.5], -80, 290)] },
  {
    digit: 0,
    strokes: [
      curve(
        [0.46, 0.03],
        [0.2, 0.12],
        [0.04, 0.5],
        [0.14, 0.92],
        [0.4, 0.97],
        [0.62, 0.62],
        [0.6, 0.22],
        [0.38, 0.02],
      ),
    ],
  },
  { digit: 1, strokes: [lines([0.3, 0], [0.26, 1])] },
  { digit: 1, strokes: [lines([0.2, 0.14], [0.32, 0], [0.3, 1])] },
  {
    digit: 2,
    strokes: [
      curve(
        [0.05, 0.22],
        [0.2, 0.03],
        [0.48, 0.05],
        [0.58, 0.28],
        [0.4, 0.62],
        [0.05, 0.97],
      ),
      lines([0.05, 0.97], [0.68, 0.95]),
    ],
  },
  {
    digit: 2,
    strokes: [
      curve(
        [0.08, 0.15],
        [0.35, 0],
        [0.6, 0.2],
        [0.42, 0.6],
        [0.16, 0.92],
        [0.03, 0.86],
        [0.2, 0.78],
        [0.46, 0.93],
        [0.72, 0.92],
      ),
    ],
  },
  {
    digit: 3,
    strokes: [
      curve(
        [0.05, 0.12],
        [0.3, 0],
        [0.55, 0.14],
        [0.5, 0.36],
        [0.22, 0.48],
      ),
      curve(
        [0.22, 0.48],
        [0.52, 0.55],
        [0.6, 0.78],
        [0.36, 0.98],
        [0.02, 0.9],
      ),
    ],
  },
  {
    digit: 3,
    strokes: [
      arc([0.28, 0.25], [0.27, 0.25], -150, 90),
      arc([0.28, 0.74], [0.33, 0.26], -90, 155),
    ],
  },
  {
    digit: 4,
    strokes: [
      lines([0.16, 0], [0.02, 0.55], [0.7, 0.52]),
      lines([0.54, 0.08], [0.48, 1]),
    ],
  },
  {
    digit: 4,
    strokes: [
      curve([0.08, 0.05], [0.05, 0.4], [0.22, 0.52], [0.54, 0.42]),
      lines([0.58, 0.02], [0.52, 1]),
    ],
  },
  {
    digit: 5,
    strokes: [
      lines([0.6, 0.02], [0.16, 0.04], [0.12, 0.44]),
      curve(
        [0.12, 0.44],
        [0.42, 0.4],
        [0.6, 0.66],
        [0.42, 0.95],
        [0.04, 0.95],
      ),
    ],
  },
  {
    digit: 5,
    strokes: [
      lines([0.18, 0.04], [0.14, 0.46]),
      curve([0.14, 0.46], [0.4, 0.45], [0.52, 0.7], [0.3, 0.98], [0, 0.9]),
      lines([0.18, 0.04], [0.68, 0]),
    ],
  },
  {
    digit: 6,
    strokes: [
      curve(
        [0.46, 0],
        [0.16, 0.3],
        [0.04, 0.7],
        [0.2, 0.97],
        [0.48, 0.92],
        [0.54, 0.68],
        [0.36, 0.54],
        [0.1, 0.7],
      ),
    ],
  },
  {
    digit: 6,
    strokes: [
      curve([0.3, 0], [0.08, 0.35], [0.03, 0.7]),
      arc([0.29, 0.73], [0.26, 0.25], 180, -180),
    ],
  },
  { digit: 7, strokes: [lines([0.02, 0.06], [0.62, 0.04], [0.24, 1])] },
  {
    digit: 7,
    strokes: [
      curve([0, 0.1], [0.3, 0.08], [0.62, 0.04]),
      curve([0.62, 0.04], [0.44, 0.4], [0.3, 1]),
      lines([0.14, 0.5], [0.58, 0.48]),
    ],
  },
  {
    digit: 8,
    strokes: [
      arc([0.31, 0.25], [0.24, 0.24], 90, 450),
      arc([0.31, 0.74], [0.3, 0.25], -90, 270),
    ],
  },
  {
    digit: 8,
    strokes: [
      curve(
        [0.54, 0.1],
        [0.28, 0],
        [0.12, 0.2],
        [0.34, 0.48],
        [0.54, 0.76],
        [0.3, 0.98],
        [0.08, 0.78],
        [0.3, 0.5],
        [0.54, 0.26],
        [0.52, 0.08],
      ),
    ],
  },
  {
    digit: 9,
    strokes: [
      arc([0.3, 0.27], [0.26, 0.25], 0, -360),
      curve([0.56, 0.27], [0.54, 0.6], [0.44, 1]),
    ],
  },
  {
    digit: 9,
    strokes: [
      curve(
        [0.56, 0.12],
        [0.28, 0.02],
        [0.06, 0.26],
        [0.22, 0.5],
        [0.48, 0.38],
        [0.58, 0.1],
      ),
      curve([0.58, 0.1], [0.56, 0.55], [0.52, 1]),
    ],
  },
];
