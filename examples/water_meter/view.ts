/**
 * Tells whether a picture shows what the reference shows, in which the digits were
 * marked: a camera that was turned or moved cuts other pixels.
 *
 * @module
 */
import type { ColourImage } from "./image.ts";

/** Cells of a side of the small pictures that are compared. */
const side = 32;
const colours = 3;
/** Cells that a picture is moved in search of a better fit. */
const maxShift = 2;
const minLikeness = 0.5;

/**
 * What is wrong with a picture beside the reference, or null.
 */
export function misplaced(
  image: ColourImage,
  reference: ColourImage,
): string | null {
  if (image.width !== reference.width || image.height !== reference.height) {
    return `expected ${reference.width} x ${reference.height} pixels as the reference has, got ${image.width} x ${image.height}`;
  }
  const seen = cellsOf(image), known = cellsOf(reference);
  const upright = likeness(seen, known, (x, y) => [x, y]);
  const last = side - 1;
  const turns: Place[] = [
    (x, y) => [last - x, last - y],
    (x, y) => [y, last - x],
    (x, y) => [last - y, x],
  ];
  if (turns.some((turn) => likeness(seen, known, turn) > upright)) {
    return "it looks turned beside the reference";
  }
  for (let dx = -maxShift; dx <= maxShift; dx++) {
    for (let dy = -maxShift; dy <= maxShift; dy++) {
      const moved = likeness(seen, known, (x, y) => [x + dx, y + dy]);
      if (moved > upright) return "it looks moved beside the reference";
    }
  }
  return upright < minLikeness ? "it does not look like the reference" : null;
}

type Place = (x: number, y: number) => [x: number, y: number];

/** Mean colours of the cells, row-major. */
function cellsOf({ width, height, pixels }: ColourImage): Float64Array {
  const sums = new Float64Array(side * side * colours);
  const counts = new Float64Array(side * side);
  for (let v = 0; v < height; v++) {
    const row = side * Math.floor(side * v / height);
    for (let u = 0; u < width; u++) {
      const cell = row + Math.floor(side * u / width);
      counts[cell]++;
      for (let c = 0; c < colours; c++) {
        sums[colours * cell + c] += pixels[colours * (v * width + u) + c];
      }
    }
  }
  // A picture of fewer pixels than cells leaves some empty.
  return sums.map((sum, i) =>
    sum / Math.max(counts[Math.floor(i / colours)], 1)
  );
}

/** Pearson's correlation of the cells that both pictures have, whatever the light. */
function likeness(
  left: Float64Array,
  right: Float64Array,
  placeInRight: Place,
): number {
  let n = 0, l = 0, r = 0, ll = 0, rr = 0, lr = 0;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [u, v] = placeInRight(x, y);
      if (u < 0 || v < 0 || u >= side || v >= side) continue;
      for (let c = 0; c < colours; c++) {
        const a = left[colours * (y * side + x) + c];
        const b = right[colours * (v * side + u) + c];
        n++;
        l += a;
        r += b;
        ll += a * a;
        rr += b * b;
        lr += a * b;
      }
    }
  }
  const spread = Math.sqrt((ll - l * l / n) * (rr - r * r / n));
  return spread > 0 ? (lr - l * r / n) / spread : 0;
}
