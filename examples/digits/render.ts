/**
 * Renders a digit's strokes in a random hand.
 *
 * @module
 */
import { fitDigit, type GreyImage } from "./fit.ts";
import type { Glyph, Point, Stroke } from "./strokes.ts";

/** How a hand writes: everything that varies between two pictures of one glyph. */
export interface Hand {
  /** Shear to the right, in widths per height. */
  slant: number;
  /** Turn, degrees clockwise. */
  turnDegrees: number;
  /** Width against height. */
  stretch: number;
  /** Radius of the pen as a fraction of the digit's height. */
  penRadius: number;
}

/** Pixels along one side of the sheet that a digit is drawn on before it is fitted. */
const sheetSide = 112;
const digitHeight = 80;

/**
 * Draws strokes as a picture of the MNIST kind.
 *
 * @returns 784 values in [0, 255], row-major, ink bright on black
 */
export function renderDigit(
  { strokes }: Pick<Glyph, "strokes">,
  hand: Hand,
): Uint8Array {
  return fitDigit(drawSheet(strokes, hand));
}

function drawSheet(strokes: readonly Stroke[], hand: Hand): GreyImage {
  const segments = strokes.flatMap((stroke) =>
    toSegments(stroke.map((point) => onSheet(point, hand)))
  );
  const radius = hand.penRadius * digitHeight;
  const pixels = new Uint8Array(sheetSide * sheetSide);
  for (let y = 0; y < sheetSide; y++) {
    for (let x = 0; x < sheetSide; x++) {
      const centre: Point = [x + 0.5, y + 0.5];
      let nearest = Infinity;
      for (const [from, to] of segments) {
        nearest = Math.min(nearest, distance(centre, from, to));
      }
      // One pixel of soft edge anti-aliases the pen.
      const cover = Math.min(Math.max(radius + 0.5 - nearest, 0), 1);
      pixels[y * sheetSide + x] = Math.round(255 * cover);
    }
  }
  return { width: sheetSide, height: sheetSide, pixels };
}

/** A point of a glyph where the hand puts it on the sheet, in pixels. */
function onSheet([x, y]: Point, hand: Hand): Point {
  const angle = hand.turnDegrees * Math.PI / 180;
  const right = (x - 0.33) * hand.stretch + (0.5 - y) * hand.slant;
  const down = y - 0.5;
  return [
    sheetSide / 2 +
    digitHeight * (right * Math.cos(angle) - down * Math.sin(angle)),
    sheetSide / 2 +
    digitHeight * (right * Math.sin(angle) + down * Math.cos(angle)),
  ];
}

function toSegments(stroke: Stroke): [Point, Point][] {
  return stroke.slice(1).map((point, i) => [stroke[i], point]);
}

/** From a point to the segment between `from` and `to`. */
function distance([x, y]: Point, from: Point, to: Point): number {
  const alongX = to[0] - from[0], alongY = to[1] - from[1];
  const lengthSquared = alongX * alongX + alongY * alongY;
  const share = lengthSquared === 0
    ? 0
    : ((x - from[0]) * alongX + (y - from[1]) * alongY) / lengthSquared;
  const at = Math.min(Math.max(share, 0), 1);
  return Math.hypot(x - from[0] - at * alongX, y - from[1] - at * alongY);
}
