/**
 * Centres a digit in its picture as MNIST's are.
 *
 * @module
 */
/** A grey image, row-major, 0 (black) to 255 (white). */
export interface GreyImage {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** Side of an MNIST picture, and of the box that its digit fills. */
export const pictureSide = 28;
const boxSide = 20;

/**
 * Fits a picture of one digit as MNIST's were: ink bright on black, cropped to
 * the ink, scaled into a box of 20 x 20 keeping its proportions, and placed in
 * 28 x 28 so that the centre of mass is in the middle. A picture with a light
 * border is taken as dark ink on paper and inverted.
 *
 * @returns 784 values in [0, 255], row-major
 * @throws {RangeError} if the picture is empty or of one colour
 */
export function fitDigit(image: GreyImage): Uint8Array {
  const { width, height } = image;
  if (width < 1 || height < 1 || image.pixels.length !== width * height) {
    throw new RangeError(
      `Cannot fit picture: expected ${width} x ${height} pixels, got ${image.pixels.length}`,
    );
  }
  const ink = stretch(hasLightBorder(image) ? invert(image) : image);
  const box = inkBox(ink);
  const scale = boxSide / Math.max(box.width, box.height);
  const small = resample(
    ink,
    box,
    Math.max(1, Math.round(box.width * scale)),
    Math.max(1, Math.round(box.height * scale)),
  );
  return centre(small);
}

function hasLightBorder({ width, height, pixels }: GreyImage): boolean {
  let sum = 0, count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (y % (height - 1 || 1) && x % (width - 1 || 1)) continue;
      sum += pixels[y * width + x];
      count++;
    }
  }
  return sum / count > 127;
}

function invert(image: GreyImage): GreyImage {
  return { ...image, pixels: image.pixels.map((value) => 255 - value) };
}

/** Darkest becomes 0, brightest 255; what is close to the paper becomes 0. */
function stretch(image: GreyImage): GreyImage {
  let low = 255, high = 0;
  for (const value of image.pixels) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (high - low < 16) {
    throw new RangeError(
      "Cannot fit picture: expected a digit, got one colour",
    );
  }
  const noise = 25;
  return {
    ...image,
    pixels: image.pixels.map((value) => {
      const stretched = Math.round((value - low) * 255 / (high - low));
      return stretched < noise ? 0 : stretched;
    }),
  };
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

function inkBox({ width, height, pixels }: GreyImage): Box {
  let left = width, right = -1, top = height, bottom = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (pixels[y * width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Scales `box` of the image by averaging the area that each new pixel covers. */
function resample(
  image: GreyImage,
  box: Box,
  width: number,
  height: number,
): GreyImage {
  const pixels = new Uint8Array(width * height);
  const columns = coverage(box.left, box.width, width);
  const rows = coverage(box.top, box.height, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0, area = 0;
      for (const [row, rowShare] of rows[y]) {
        for (const [column, columnShare] of columns[x]) {
          const share = rowShare * columnShare;
          sum += share * image.pixels[row * image.width + column];
          area += share;
        }
      }
      pixels[y * width + x] = Math.round(sum / area);
    }
  }
  return { width, height, pixels };
}

/** For each of `count` new pixels: the old ones that it covers, and how much of each. */
function coverage(
  start: number,
  length: number,
  count: number,
): [index: number, share: number][][] {
  return Array.from({ length: count }, (_, i) => {
    const from = length * i / count, to = length * (i + 1) / count;
    const covered: [number, number][] = [];
    for (let old = Math.floor(from); old < Math.min(to, length); old++) {
      const share = Math.min(to, old + 1) - Math.max(from, old);
      if (share > 1e-9) covered.push([start + old, share]);
    }
    return covered;
  });
}

/** Places a small image so that its centre of mass is the picture's middle. */
function centre(image: GreyImage): Uint8Array {
  let mass = 0, sumX = 0, sumY = 0;
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const value = image.pixels[y * image.width + x];
      mass += value;
      sumX += value * (x + 0.5);
      sumY += value * (y + 0.5);
    }
  }
  const place = (moment: number, length: number) =>
    Math.min(
      Math.max(Math.round(pictureSide / 2 - moment / mass), 0),
      pictureSide - length,
    );
  const left = place(sumX, image.width), top = place(sumY, image.height);
  const picture = new Uint8Array(pictureSide * pictureSide);
  for (let y = 0; y < image.height; y++) {
    const row = image.pixels.subarray(y * image.width, (y + 1) * image.width);
    picture.set(row, (top + y) * pictureSide + left);
  }
  return picture;
}
