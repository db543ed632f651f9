import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { fitDigit, type GreyImage } from "../../examples/digits/fit.ts";
import { digitSample, digitSamples } from "../../examples/digits/samples.ts";

const all = Array.from({ length: digitSamples }, (_, i) => digitSample(i));

/** Box around the ink and its centre of mass, as fractions of pixels. */
function measure(picture: Uint8Array) {
  let mass = 0, x = 0, y = 0;
  const columns: number[] = [], rows: number[] = [];
  picture.forEach((value, i) => {
    if (value === 0) return;
    mass += value;
    x += value * (i % 28 + 0.5);
    y += value * (Math.floor(i / 28) + 0.5);
    columns.push(i % 28);
    rows.push(Math.floor(i / 28));
  });
  return {
    centre: [x / mass, y / mass],
    width: Math.max(...columns) - Math.min(...columns) + 1,
    height: Math.max(...rows) - Math.min(...rows) + 1,
    meanInk: mass / picture.length,
  };
}

Deno.test("at least 20 samples, two or more of each digit, all different", () => {
  ok(all.length >= 20);
  for (let digit = 0; digit < 10; digit++) {
    ok(all.filter((sample) => sample.digit === digit).length >= 2);
  }
  equal(new Set(all.map(({ picture }) => picture.join())).size, all.length);
});

Deno.test("samples are shaped and centred as MNIST's pictures are", () => {
  for (const { picture } of all) {
    equal(picture.length, 784);
    const { centre, width, height, meanInk } = measure(picture);
    ok(Math.abs(centre[0] - 14) <= 0.5 && Math.abs(centre[1] - 14) <= 0.5);
    equal(Math.max(width, height), 20);
    // MNIST's mean is 33; its thinnest and boldest digits lie about 8 and 80.
    ok(meanInk > 8 && meanInk < 80, `${meanInk}`);
    ok(Math.max(...picture) === 255);
  }
});

Deno.test("the same sample is drawn the same again", () => {
  deepEqual(digitSample(17), all[17]);
});

Deno.test("refuses a sample that does not exist", () => {
  throws(() => digitSample(digitSamples), RangeError);
  throws(() => digitSample(-1), RangeError);
  throws(() => digitSample(0.5), RangeError);
});

/** A picture with a filled rectangle. */
function rectangle(
  width: number,
  height: number,
  box: { left: number; top: number; width: number; height: number },
  ink: number,
  paper: number,
): GreyImage {
  const pixels = new Uint8Array(width * height).fill(paper);
  for (let y = box.top; y < box.top + box.height; y++) {
    pixels.fill(
      ink,
      y * width + box.left,
      y * width + box.left + box.width,
    );
  }
  return { width, height, pixels };
}

Deno.test("fitting crops, keeps proportions and centres, at any size", () => {
  const box = { left: 90, top: 10, width: 30, height: 60 };
  const picture = fitDigit(rectangle(200, 100, box, 255, 0));
  const { centre, width, height } = measure(picture);
  deepEqual([centre, width, height], [[14, 14], 10, 20]);
  const tiny = fitDigit(
    rectangle(5, 4, { left: 1, top: 1, width: 2, height: 2 }, 255, 0),
  );
  deepEqual(measure(tiny).width, 20);
});

Deno.test("dark ink on paper gives the same as bright ink on black", () => {
  const box = { left: 12, top: 30, width: 20, height: 35 };
  deepEqual(
    fitDigit(rectangle(80, 90, box, 30, 220)),
    fitDigit(rectangle(80, 90, box, 220, 30)),
  );
});

Deno.test("refuses a picture of one colour or of the wrong length", () => {
  const blank = { width: 28, height: 28, pixels: new Uint8Array(784) };
  throws(() => fitDigit(blank), RangeError);
  throws(() => fitDigit({ ...blank, width: 27 }), RangeError);
});
