/**
 * What was drawn on the pad, as the network reads it, or why it is no digit.
 *
 * @module
 */
import { type Hand, renderDigit } from "../digits/render.ts";

/** In fractions of the pad's side, y down. */
export type Point = [x: number, y: number];

/** Strokes of the pen. */
export type Drawing = readonly (readonly Point[])[];

/** Strokes are drawn again with this pen, so that a small digit is not a fat one. */
const pen: Hand = {
  slant: 0,
  turnDegrees: 0,
  stretch: 1,
  penRadius: 0.055,
};

/** A drawing below this share of the pad is a slip of the pen. */
const minExtent = 0.08;
/** The widest of MNIST's 10,000 test digits is 2.5 times as wide as high. */
const maxWidthToHeight = 2.5;
/** The fullest of MNIST's 10,000 test digits has 258 of 784 pixels above half grey. */
const maxInkPixels = 300;
/** Points closer than this, as a fraction of the digit's size, change no pixel. */
const minStep = 0.005;

/**
 * The drawing as 784 values in [0, 255]: wherever and however large it was drawn, it
 * fills MNIST's box of 20 x 20 pixels, with its centre of mass in the middle.
 *
 * @throws {RangeError} if there is no stroke
 */
export function fitDrawing(drawing: Drawing): Uint8Array {
  const { left, top, width, height } = extent(drawing);
  const size = Math.max(width, height, 1e-3);
  // `renderDigit` has its glyphs' middle at 0.33 across and 0.5 down.
  const place = ([x, y]: Point): Point => [
    (x - left - width / 2) / size + 0.33,
    (y - top - height / 2) / size + 0.5,
  ];
  const strokes = drawing.map((stroke) => thin(stroke.map(place)));
  return renderDigit({ strokes }, pen);
}

/** Why the drawing cannot be a digit; null if it may be one. */
export function findFault(drawing: Drawing): string | null {
  if (drawing.length === 0) return "Draw a digit first, or choose one.";
  const { width, height } = extent(drawing);
  if (Math.max(width, height) < minExtent) {
    return "That is only a dot. Draw a digit from 0 to 9.";
  }
  if (width > maxWidthToHeight * height) {
    return "That is wider than any digit. Draw one digit, from 0 to 9.";
  }
  const ink = fitDrawing(drawing).filter((value) => value > 127).length;
  if (ink > maxInkPixels) {
    return "That is too full of ink to be a digit. Clear it and draw one.";
  }
  return null;
}

function extent(drawing: Drawing) {
  const points = drawing.flat();
  if (points.length === 0) {
    throw new RangeError("Cannot fit drawing: expected a stroke, got none");
  }
  let [left, top] = points[0], [right, bottom] = points[0];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { left, top, width: right - left, height: bottom - top };
}

/** Leaves out points that lie close to the one before; a tap becomes a short line. */
function thin(stroke: readonly Point[]): Point[] {
  const kept: Point[] = [stroke[0]];
  for (const point of stroke.slice(1)) {
    const [x, y] = kept.at(-1)!;
    if (Math.hypot(point[0] - x, point[1] - y) >= minStep) kept.push(point);
  }
  if (kept.length === 1) kept.push(stroke.at(-1)!);
  return kept;
}
