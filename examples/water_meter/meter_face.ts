/**
 * A meter that does not exist: rolls with printed numerals, drawn so that the app
 * can be tried without a camera.
 *
 * @module
 */
import { arc, lines, type Point, type Stroke } from "../digits/strokes.ts";
import type { ColourImage, Region } from "./image.ts";

/** Numerals as a meter prints them; coordinates as in `digits/strokes.ts`. */
const numerals: readonly Stroke[][] = [
  [[
    ...arc([0.3, 0.3], [0.3, 0.3], 180, 360),
    ...arc([0.3, 0.7], [0.3, 0.3], 0, 180),
    [0, 0.3],
  ]],
  [lines([0.12, 0.2], [0.36, 0], [0.36, 1])],
  [[
    ...arc([0.3, 0.29], [0.29, 0.29], 185, 385),
    [0.02, 0.98],
    [0.6, 0.98],
  ]],
  [
    arc([0.29, 0.26], [0.26, 0.25], -160, 90),
    arc([0.29, 0.74], [0.3, 0.25], -90, 160),
  ],
  [lines([0.42, 1], [0.42, 0], [0, 0.68], [0.62, 0.68])],
  [[
    [0.55, 0.02],
    [0.1, 0.02],
    [0.06, 0.45],
    ...arc([0.28, 0.68], [0.3, 0.3], -130, 145),
  ]],
  [
    lines([0.44, 0], [0.03, 0.6]),
    arc([0.3, 0.69], [0.29, 0.29], 0, 360),
  ],
  [lines([0, 0.02], [0.58, 0.02], [0.2, 1])],
  [
    arc([0.3, 0.25], [0.24, 0.23], 0, 360),
    arc([0.3, 0.73], [0.29, 0.26], 0, 360),
  ],
  [
    arc([0.3, 0.29], [0.28, 0.27], 0, 360),
    [[0.58, 0.29], ...arc([0.29, 0.68], [0.29, 0.3], 0, 150)],
  ],
];

const rollWidth = 40;
const rollHeight = 64;
const rollGap = 12;
const margin = 24;
/** Height of a numeral, and from one to the next, on the roll. */
const numeralHeight = 34;
const numeralPitch = 56;
const penRadius = 2.7;

type Colour = readonly [red: number, green: number, blue: number];
const plate: Colour = [186, 190, 192];
const blackRoll: Colour = [48, 50, 54];
const redRoll: Colour = [168, 36, 40];
const print: Colour = [236, 236, 230];

/** Where the drawn meter's digits stand. */
export function faceRegions(digits: number): Region[] {
  return Array.from({ length: digits }, (_, index) => ({
    x: margin + index * (rollWidth + rollGap),
    y: margin,
    width: rollWidth,
    height: rollHeight,
  }));
}

/**
 * Draws the meter's face.
 *
 * @param ticks the count on the last roll, which turns steadily; a roll before it
 * turns while the next goes from 9 to 0
 * @param decimals rolls at the right end that are red
 */
export function drawMeter(
  ticks: number,
  options: { digits: number; decimals: number },
): ColourImage {
  const { digits, decimals } = options;
  const regions = faceRegions(digits);
  const width = 2 * margin + digits * (rollWidth + rollGap) - rollGap;
  const height = 2 * margin + rollHeight;
  const image = { width, height, pixels: new Uint8Array(3 * width * height) };
  fill(image, { x: 0, y: 0, width, height }, () => plate);
  let position = ticks;
  for (let index = digits - 1; index >= 0; index--) {
    const ground = index >= digits - decimals ? redRoll : blackRoll;
    drawRoll(image, regions[index], position % 10, ground);
    const whole = Math.floor(position / 10);
    position = whole + Math.max(0, position - 10 * whole - 9);
  }
  return image;
}

/** One roll at `position` in [0, 10): 3.5 shows the 3 leaving and the 4 coming. */
function drawRoll(
  image: ColourImage,
  region: Region,
  position: number,
  ground: Colour,
): void {
  const shown = Math.floor(position);
  const segments = [shown - 1, shown, shown + 1].flatMap((numeral) =>
    segmentsOf(
      numerals[(numeral + 10) % 10],
      region.height / 2 + (numeral - position) * numeralPitch,
    )
  );
  fill(image, region, (x, y) => {
    const nearest = Math.min(
      ...segments.map(([from, to]) => distance([x, y], from, to)),
    );
    const ink = Math.min(Math.max(penRadius + 0.5 - nearest, 0), 1);
    // A roll is round: it darkens towards its upper and lower edge.
    const light = 1 - 0.5 * (2 * y / region.height - 1) ** 2;
    const mix = (c: number) =>
      (ground[c] + ink * (print[c] - ground[c])) * light;
    return [mix(0), mix(1), mix(2)];
  });
}

/** Lines of a numeral whose middle is at `middle`, in the roll's pixels. */
function segmentsOf(strokes: Stroke[], middle: number): [Point, Point][] {
  const left = (rollWidth - 0.6 * numeralHeight) / 2;
  const top = middle - numeralHeight / 2;
  return strokes.flatMap((stroke) => {
    const points = stroke.map(([x, y]): Point => [
      left + numeralHeight * x,
      top + numeralHeight * y,
    ]);
    return points.slice(1).map((to, i): [Point, Point] => [points[i], to]);
  });
}

function distance([x, y]: Point, from: Point, to: Point): number {
  const alongX = to[0] - from[0], alongY = to[1] - from[1];
  const square = alongX ** 2 + alongY ** 2;
  const share = square && ((x - from[0]) * alongX + (y - from[1]) * alongY) /
      square;
  const at = Math.min(Math.max(share, 0), 1);
  return Math.hypot(x - from[0] - at * alongX, y - from[1] - at * alongY);
}

/** Paints a region; `colour` is asked with coordinates inside it. */
function fill(
  image: ColourImage,
  region: Region,
  colour: (x: number, y: number) => Colour,
): void {
  for (let y = 0; y < region.height; y++) {
    for (let x = 0; x < region.width; x++) {
      const at = 3 * ((region.y + y) * image.width + region.x + x);
      image.pixels.set(colour(x + 0.5, y + 0.5).map(Math.round), at);
    }
  }
}
