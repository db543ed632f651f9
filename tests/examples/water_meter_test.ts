import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { encode } from "fast-png";
import jpeg from "jpeg-js";
import {
  keepKnown,
  knownBefore,
} from "../../examples/water_meter/known_value.ts";
import { parseConfig } from "../../examples/water_meter/meter_config.ts";
import { Notices } from "../../examples/smart_home/notices.ts";
import {
  type Beliefs,
  judgeReading,
} from "../../examples/water_meter/agreement.ts";
import { readExif } from "../../examples/water_meter/exif.ts";
import {
  type ColourImage,
  cutDigit,
  decodeImage,
} from "../../examples/water_meter/image.ts";
import { unreadable } from "../../examples/water_meter/quality.ts";
import { misplaced } from "../../examples/water_meter/view.ts";
import {
  drawMeter,
  faceRegions,
} from "../../examples/water_meter/meter_face.ts";
import {
  checkReading,
  type MeterReading,
  parseTicks,
} from "../../examples/water_meter/reading.ts";
import {
  cloudWith,
  insecureKey,
  isMissing,
  jsonLines,
  runApp,
} from "../support/apps.ts";

const ignore = isMissing("meter-digits");
const scale = { decimals: 3, maxPerHour: 3 };
const hourMs = 3_600_000;

Deno.test("a reading is checked against the one before", () => {
  const first = checkReading([0, 0, 1, 2, 3, 4], 0, null, scale);
  deepEqual(first, {
    reading: {
      value: "1.234",
      raw: "001.234",
      pre: "",
      error: "no error",
      rate: "",
      rate_per_time_unit: "",
      timestamp: "1970-01-01T00:00:00.000Z",
    },
    known: { ticks: 1234, atMs: 0 },
  });
  const next = checkReading([0, 0, 2, 4, 3, 4], hourMs, first.known, scale);
  equal(next.reading.value, "2.434");
  equal(next.reading.pre, "1.234");
  equal(next.reading.rate_per_time_unit, "1.2000");
  equal(next.reading.rate, "0.020000");

  const back = checkReading([0, 0, 2, 4, 3, 3], 2 * hourMs, next.known, scale);
  equal(
    back.reading.error,
    "Neg. Rate - Read: 2.433 - Raw: 002.433 - Pre: 2.434",
  );
  equal(back.reading.value, "2.434");
  deepEqual(back.known, next.known);

  const fast = checkReading([0, 0, 9, 4, 3, 4], 2 * hourMs, next.known, scale);
  match(
    fast.reading.error,
    /^Rate too high - Read: 9.434 .* Rate: 7.000 an hour$/,
  );
  equal(fast.reading.value, "2.434");
  equal(fast.reading.raw, "009.434");
  deepEqual(fast.known, next.known);
});

Deno.test("a value that is known without its time bounds from below alone", () => {
  const known = { ticks: parseTicks("1.5", scale), atMs: -Infinity };
  equal(known.ticks, 1500);
  equal(checkReading([9, 9, 9, 9], 0, known, scale).reading.error, "no error");
  match(checkReading([1, 4, 9, 9], 0, known, scale).reading.error, /^Neg/);
  throws(() => parseTicks("1.5555", scale), /at most 3 decimals/);
  throws(() => parseTicks("-1", scale), RangeError);
});

Deno.test("a meter that rolls over goes on, and its flow is right", () => {
  const known = { ticks: 99_999_990, atMs: 0 };
  const digits = [0, 0, 0, 0, 0, 0, 1, 0];
  const { reading, known: next } = checkReading(digits, 300_000, known, scale);
  equal(reading.error, "no error");
  equal(reading.value, "0.010");
  equal(reading.rate_per_time_unit, "0.2400");
  equal(next?.ticks, 10);
  // Too much for the time, or half a turn and more: a misreading.
  match(
    checkReading([0, 0, 9, 9, 0, 0, 1, 0], 300_000, known, scale).reading.error,
    /^Neg/,
  );
});

Deno.test("where the clock was set back, a value passes without a rate", () => {
  const known = { ticks: 123_450, atMs: 10 * 24 * hourMs };
  const digits = [0, 0, 1, 2, 3, 4, 5, 2];
  const back = checkReading(digits, 8 * 24 * hourMs, known, scale);
  equal(back.reading.error, "no error");
  equal(back.reading.value, "123.452");
  equal(back.reading.rate, "");
  equal(back.known?.atMs, 8 * 24 * hourMs);
  digits[7] = 4;
  const next = checkReading(
    digits,
    8 * 24 * hourMs + 300_000,
    back.known,
    scale,
  );
  equal(next.reading.rate_per_time_unit, "0.0240");
});

Deno.test("decodes PNG and JPEG, cuts out digits and scales them", () => {
  const face = drawMeter(7, { digits: 2, decimals: 0 });
  const png = decodeImage(encode({
    width: face.width,
    height: face.height,
    data: face.pixels,
    channels: 3,
  }));
  deepEqual(png, face);
  const rgba = new Uint8Array(4 * face.width * face.height).fill(255);
  for (let i = 0; i < face.pixels.length; i++) {
    rgba[4 * Math.floor(i / 3) + i % 3] = face.pixels[i];
  }
  const { data } = jpeg.encode({ ...face, data: rgba }, 95);
  const decoded = decodeImage(new Uint8Array(data));
  equal(decoded.width, face.width);
  const [, region] = faceRegions(2);
  const exact = cutDigit(face, region), lossy = cutDigit(decoded, region);
  equal(exact.length, 3 * 32 * 20);
  const worst = Math.max(
    ...exact.map((value, i) => Math.abs(value - lossy[i])),
  );
  ok(worst < 0.15, `${worst}`);
  // A uniform picture stays so, whatever the scale.
  const grey = { width: 9, height: 50, pixels: new Uint8Array(1350).fill(51) };
  const cut = cutDigit(grey, { x: 1.5, y: 3, width: 7, height: 40 });
  ok(cut.every((value) => value === 0.2));
  throws(
    () => cutDigit(grey, { x: 3, y: 0, width: 7, height: 40 }),
    /within 9 x 50 pixels/,
  );
  throws(() => decodeImage(new Uint8Array(9)), /expected a .jpg or .png/);
});

Deno.test("the last good value is kept from run to run", async () => {
  const file = await Deno.makeTempFile();
  try {
    await keepKnown(file, { ticks: 12, atMs: 34 }, new Notices());
    await keepKnown(file, { ticks: 56, atMs: 78 }, new Notices());
    deepEqual(await knownBefore(undefined, file, scale), {
      ticks: 56,
      atMs: 78,
    });
    equal((await knownBefore("0.007", file, scale))?.ticks, 7);
    // What a crash, a full disk or a hand left there does not stop the app.
    for (const broken of ["", '{"ticks":"5"}', "{", "null"]) {
      await Deno.writeTextFile(file, broken);
      equal(await knownBefore(undefined, file, scale), null, broken);
    }
  } finally {
    await Deno.remove(file);
  }
  equal(await knownBefore(undefined, file, scale), null);
  equal(await knownBefore(undefined, undefined, scale), null);
});

Deno.test("reports once a value that cannot be kept, and goes on", async () => {
  const notices = new Notices();
  const told: string[][] = [];
  notices.onChange = (problems) => told.push(problems);
  const file = "/proc/nowhere/state.json";
  await keepKnown(file, { ticks: 1, atMs: 2 }, notices);
  await keepKnown(file, { ticks: 2, atMs: 3 }, notices);
  equal(told.length, 1);
  match(told[0][0], /^Cannot keep \/proc\/nowhere\/state.json: /);
});

/** Readings one after another, an hour apart where no time is given. */
function judgeAll(values: number[], known: number | null, hours = 1) {
  let beliefs: Beliefs = {
    known: known === null ? null : { ticks: known, atMs: 0 },
    rival: null,
  };
  return values.map((ticks, i) => {
    const digits = [...String(ticks).padStart(6, "0")].map(Number);
    const atMs = (i + 1) * hours * hourMs;
    const judged = judgeReading(digits, atMs, beliefs, scale);
    beliefs = judged.beliefs;
    return judged.reading;
  });
}

Deno.test("a first value needs two pictures that agree", () => {
  const readings = judgeAll([66_600, 1234, 1235, 1236], null);
  deepEqual(readings.map(({ value }) => value), ["", "", "1.235", "1.236"]);
  match(readings[0].error, /^First value - another picture has to agree$/);
  equal(readings[2].error, "no error");
  equal(readings[2].rate, "");
});

Deno.test("a value once passed wrongly high has a way back: three pictures that agree", () => {
  const readings = judgeAll([1234, 1235, 1236, 1237], 66_600);
  deepEqual(readings.map(({ value }) => value), [
    "66.600",
    "66.600",
    "1.236",
    "1.237",
  ]);
  match(readings[0].error, /^Neg. Rate/);
  equal(readings[3].rate_per_time_unit, "0.0010");
  // Misreadings that do not agree with each other change nothing.
  for (const wrong of judgeAll([900, 50_000, 700, 90_000, 600], 66_600)) {
    equal(wrong.value, "66.600");
  }
});

/** A digit of one shade, with some noise of the sensor. */
function shade(level: number): Float64Array {
  return Float64Array.from(
    { length: 3 * 640 },
    (_, i) => level + 0.02 * Math.sin(12.9 * i),
  );
}

Deno.test("refuses digits that are dark, blank or blurred", () => {
  equal(unreadable(shade(0.02)), "too dark");
  equal(unreadable(shade(0.5)), "blank, or without contrast");
  equal(unreadable(shade(0.95)), "blank, or without contrast");
  const face = drawMeter(123_456, { digits: 6, decimals: 3 });
  const regions = faceRegions(6);
  const cut = regions.map((region) => cutDigit(face, region));
  deepEqual(cut.map(unreadable), cut.map(() => null));
  const dim = { ...face, pixels: face.pixels.map((value) => 0.08 * value) };
  for (const region of regions) {
    equal(unreadable(cutDigit(dim, region)), "too dark");
  }
  // Each pixel the mean of the 9 x 9 around it.
  const blurred = { ...face, pixels: face.pixels.slice() };
  for (let y = 4; y < face.height - 4; y++) {
    for (let x = 4; x < face.width - 4; x++) {
      let sum = 0;
      for (let v = -4; v <= 4; v++) {
        for (let u = -4; u <= 4; u++) {
          sum += face.pixels[3 * ((y + v) * face.width + x + u)];
        }
      }
      blurred.pixels.fill(
        sum / 81,
        3 * (y * face.width + x),
        3 * (y * face.width + x) + 3,
      );
    }
  }
  for (const region of regions) {
    ok(unreadable(cutDigit(blurred, region)) !== null);
  }
});

/** A picture whose pixel (x, y) is that of another at `from(x, y)`. */
function mapped(
  image: ColourImage,
  from: (x: number, y: number) => [number, number],
): ColourImage {
  const pixels = new Uint8Array(image.pixels.length);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const [u, v] = from(x, y);
      const at = 3 * (Math.min(v, image.height - 1) * image.width +
        Math.min(u, image.width - 1));
      pixels.set(image.pixels.subarray(at, at + 3), 3 * (y * image.width + x));
    }
  }
  return { ...image, pixels };
}

Deno.test("refuses a picture that is turned, moved or resized beside the reference", () => {
  const options = { digits: 6, decimals: 3 };
  const reference = drawMeter(123_456, options);
  const later = drawMeter(987_012, options);
  equal(misplaced(later, reference), null);
  const dusk = { ...later, pixels: later.pixels.map((v) => 0.4 * v + 20) };
  equal(misplaced(dusk, reference), null);
  const { width, height } = later;
  const turned = mapped(later, (x, y) => [width - 1 - x, height - 1 - y]);
  match(`${misplaced(turned, reference)}`, /turned/);
  match(
    `${misplaced(mapped(later, (x, y) => [x + 20, y]), reference)}`,
    /moved/,
  );
  match(
    `${misplaced(mapped(later, (x, y) => [x, y + 12]), reference)}`,
    /moved/,
  );
  match(
    `${misplaced(drawMeter(1, { digits: 5, decimals: 3 }), reference)}`,
    /^expected \d+ x \d+ pixels as the reference has/,
  );
  const flat = { ...later, pixels: new Uint8Array(later.pixels.length) };
  match(`${misplaced(flat, reference)}`, /does not look like/);
});

/** A JPEG with an EXIF segment of these fields: [tag, type, count, value bytes]. */
function withExif(
  jpegBytes: Uint8Array,
  orientation: number,
  takenAt = "",
): Uint8Array {
  const text = new TextEncoder().encode(takenAt);
  const tiff = new DataView(new ArrayBuffer(8 + 2 + 24 + 4 + 32));
  tiff.setUint16(0, 0x4949);
  tiff.setUint16(2, 42, true);
  tiff.setUint32(4, 8, true);
  tiff.setUint16(8, 2, true);
  tiff.setUint16(10, 0x0112, true);
  tiff.setUint16(12, 3, true);
  tiff.setUint32(14, 1, true);
  tiff.setUint16(18, orientation, true);
  tiff.setUint16(22, 0x0132, true);
  tiff.setUint16(24, 2, true);
  tiff.setUint32(26, text.length, true);
  tiff.setUint32(30, 38, true);
  new Uint8Array(tiff.buffer).set(text, 38);
  const length = 2 + 6 + tiff.byteLength;
  return Uint8Array.from([
    ...jpegBytes.subarray(0, 2),
    ...[0xff, 0xe1, length >> 8, length & 255],
    ...new TextEncoder().encode("Exif\0\0"),
    ...new Uint8Array(tiff.buffer),
    ...jpegBytes.subarray(2),
  ]);
}

/** A JPEG of 16 x 8 pixels: red at the upper left, blue at the lower right. */
function corners(width: number, height: number): Uint8Array {
  const data = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    const left = i % width < width / 2, top = i < width * height / 2;
    const shade = left && top
      ? [255, 0, 0]
      : left || top
      ? [0, 0, 0]
      : [0, 0, 255];
    data.set(shade, 4 * i);
  }
  return new Uint8Array(jpeg.encode({ width, height, data }, 95).data);
}

Deno.test("turns pictures upright by EXIF and takes their time from it", () => {
  // Where the upper left of the stored pixels is shown, by orientation.
  const shownAt: Record<number, string> = {
    1: "upper left",
    2: "upper right",
    3: "lower right",
    4: "lower left",
    5: "upper left",
    6: "upper right",
    7: "lower right",
    8: "lower left",
  };
  for (const [orientation, place] of Object.entries(shownAt)) {
    const bytes = withExif(corners(32, 16), Number(orientation));
    const { width, height, pixels } = decodeImage(bytes);
    deepEqual([width, height], Number(orientation) >= 5 ? [16, 32] : [32, 16]);
    const isRed = (x: number, y: number) => pixels[3 * (y * width + x)] > 128;
    const found = [[0, "upper"], [height - 1, "lower"]].flatMap(([y, v]) =>
      [[0, "left"], [width - 1, "right"]].flatMap(([x, h]) =>
        isRed(x as number, y as number) ? [`${v} ${h}`] : []
      )
    );
    deepEqual(found, [place], orientation);
  }
  const timed = withExif(corners(16, 8), 1, "2026:01:31 12:00:05");
  equal(readExif(timed).takenAtMs, new Date(2026, 0, 31, 12, 0, 5).getTime());
  equal(readExif(corners(16, 8)).takenAtMs, null);
  // Cut anywhere: told nothing, and nothing thrown.
  for (let length = 0; length < 110; length++) {
    equal(readExif(timed.slice(0, length)).orientation, 1);
  }
});

Deno.test("reads a PNG of 16 bits or with a palette; refuses one too large before decoding it", () => {
  const deep = decodeImage(encode({
    width: 2,
    height: 1,
    data: Uint16Array.of(0, 65_535, 32_896, 65_535, 0, 0),
    channels: 3,
    depth: 16,
  }));
  deepEqual([...deep.pixels], [0, 255, 128, 255, 0, 0]);
  const large = encode({
    width: 1,
    height: 1,
    data: new Uint8Array(3),
    channels: 3,
  });
  new DataView(large.buffer, large.byteOffset).setUint32(16, 16_000);
  new DataView(large.buffer, large.byteOffset).setUint32(20, 16_000);
  throws(
    () => decodeImage(large),
    /expected at most 50 megapixels, got 16000 x 16000/,
  );
  throws(
    () => decodeImage(corners(64, 64).slice(0, 300)),
    /expected a whole .jpg file, got damaged bytes/,
  );
  throws(() => decodeImage(deepPng().slice(0, 60)), /whole .png file/);
});

function deepPng(): Uint8Array {
  const data = crypto.getRandomValues(new Uint8Array(300));
  return encode({ width: 10, height: 10, data, channels: 3 });
}

Deno.test("checks the meter's description", () => {
  const digit = { x: 1, y: 2, width: 3, height: 4 };
  const good = { digits: [digit, digit], decimals: 1, maxPerHour: 2 };
  const parse = (value: unknown) =>
    parseConfig(JSON.stringify(value), "m.json");
  deepEqual(parse(good), {
    ...good,
    name: "Water meter",
    unit: "m³",
    reference: null,
  });
  equal(parse({ ...good, reference: "a.jpg" }).reference, "a.jpg");
  equal(
    parseConfig(
      `\uFEFF${JSON.stringify({ ...good, reference: "a.jpg" })}`,
      "d/m.json",
    )
      .reference,
    "d/a.jpg",
  );
  throws(() => parseConfig("{", "m.json"), /m.json: expected JSON/);
  throws(() => parse(null), /"digits"/);
  throws(() => parse({ ...good, digits: [{ x: 1 }] }), /"digits"/);
  throws(() => parse({ ...good, decimals: 2 }), /"decimals"/);
  throws(() => parse({ ...good, maxPerHour: 0 }), /"maxPerHour"/);
});

Deno.test({
  name: "water_meter --folder turns pictures into checked readings",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      // A misreading in the middle: the roll that shows hundreds jumps back.
      for (const [index, ticks] of [4321, 4335, 4235, 4349].entries()) {
        const face = drawMeter(ticks, { digits: 5, decimals: 3 });
        const png = encode({
          width: face.width,
          height: face.height,
          data: face.pixels,
          channels: 3,
        });
        await Deno.writeFile(`${folder}/${index}.png`, png);
        // Five minutes apart, as the files say.
        const seconds = 1_800_000_000 + 300 * index;
        await Deno.utime(`${folder}/${index}.png`, seconds, seconds);
      }
      await Deno.writeFile(`${folder}/9.png`, new Uint8Array(5));
      const config = {
        digits: faceRegions(5),
        decimals: 3,
        maxPerHour: 3,
      };
      await Deno.writeTextFile(`${folder}/meter.json`, JSON.stringify(config));
      await using cloud = await cloudWith("meter-digits");
      const { code, stdout, stderr } = await runApp("water_meter", [
        "--folder",
        folder,
        "--config",
        `${folder}/meter.json`,
        "--url",
        cloud.url,
        "--previous",
        "4.2",
        "--json",
        ...insecureKey,
      ]);
      equal(code, 0, stderr);
      match(stderr, /9.png: .*left out/);
      match(stderr, /: pictures: 5, left out: 1\n/);
      match(stderr, /\nValues: 3; readings refused: 1\n/);
      const readings = jsonLines<MeterReading>(stdout);
      deepEqual(readings.map(({ raw }) => raw), [
        "04.321",
        "04.335",
        "04.235",
        "04.349",
      ]);
      deepEqual(readings.map(({ value }) => value), [
        "4.321",
        "4.335",
        "4.335",
        "4.349",
      ]);
      equal(readings[0].timestamp, "2027-01-15T08:00:00.000Z");
      equal(readings[1].rate_per_time_unit, "0.1680");
      deepEqual(readings.map(({ error }) => error.slice(0, 9)), [
        "no error",
        "no error",
        "Neg. Rate",
        "no error",
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "water_meter --picture survives a camera that fails once",
  ignore,
  fn: async () => {
    const face = drawMeter(70_246, { digits: 5, decimals: 3 });
    const pictures = [80, 85, 90].map((quality) => {
      const data = new Uint8Array(4 * face.width * face.height);
      face.pixels.forEach((value, i) => {
        data[4 * Math.floor(i / 3) + i % 3] = value;
      });
      return new Uint8Array(jpeg.encode({ ...face, data }, quality).data);
    });
    // The second is sent twice, as by a camera that hangs.
    const sent = [pictures[0], pictures[1], pictures[1], pictures[2]];
    let asked = 0;
    await using camera = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () =>
        asked++ === 0
          ? new Response("busy", { status: 503 })
          : new Response(sent[Math.min(asked - 2, 3)]),
    );
    const config = await Deno.makeTempFile({ suffix: ".json" });
    try {
      await Deno.writeTextFile(
        config,
        JSON.stringify({
          digits: faceRegions(5),
          decimals: 3,
          maxPerHour: 3,
        }),
      );
      await using cloud = await cloudWith("meter-digits");
      const { code, stdout, stderr } = await runApp("water_meter", [
        "--picture",
        `http://127.0.0.1:${camera.addr.port}/raw.jpg`,
        "--interval-s",
        "0.01",
        "--config",
        config,
        "--url",
        cloud.url,
        "--count",
        "2",
        "--state",
        `${config}.state`,
        "--json",
        ...insecureKey,
      ]);
      equal(code, 0, stderr);
      match(
        stderr,
        /expected a picture, got status 503; such pictures are left/,
      );
      match(stderr, /the same picture as before: does the camera hang\?/);
      match(stderr, /Connected: model meter-digits/);
      deepEqual(
        jsonLines<MeterReading>(stdout).map(({ value }) => value),
        ["", "70.246", "70.246"],
      );
      const kept = await knownBefore(undefined, `${config}.state`, scale);
      equal(kept?.ticks, 70_246);
      await Deno.remove(`${config}.state`);
    } finally {
      await Deno.remove(config);
    }
  },
});

/** A folder with a meter's description and pictures of these names; runs the app on it. */
async function runOn(
  pictures: Record<string, Uint8Array<ArrayBuffer>>,
  args: string[],
) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, bytes] of Object.entries(pictures)) {
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    await Deno.writeTextFile(
      `${folder}/meter.json`,
      JSON.stringify({
        digits: faceRegions(5),
        decimals: 3,
        maxPerHour: 3,
      }),
    );
    return await runApp("water_meter", [
      ...args.map((arg) => arg.replace("FOLDER", folder)),
      ...["--config", `${folder}/meter.json`, "--interval-s", "0.01"],
      ...["--queue", `${folder}/queue`, ...insecureKey],
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const away = ["--url", "http://127.0.0.1:1"];
const black = encode({
  ...{ width: 308, height: 112, channels: 3 },
  data: new Uint8Array(3 * 308 * 112),
}) as Uint8Array<ArrayBuffer>;

Deno.test("a run that ends does not wait for a picture that cannot be used", async () => {
  const missing = ["--picture", "FOLDER/a.png", "--count", "1", ...away];
  const none = await runOn({}, missing);
  equal(none.code, 1, none.stderr);
  match(
    none.stderr,
    /\nerror: .*a.png: 3 pictures in a row left out: no such file or folder\n$/,
  );
  const dark = await runOn({ "a.png": black }, missing);
  equal(dark.code, 1, dark.stderr);
  match(dark.stderr, /a.png: digit 1: too dark; such pictures are left out/);
});

Deno.test("a digit outside the picture ends the app at once, named", async () => {
  const small = encode({
    ...{ width: 60, height: 112, channels: 3 },
    data: new Uint8Array(3 * 60 * 112),
  }) as Uint8Array<ArrayBuffer>;
  for (const source of ["--picture", "--folder"]) {
    const path = source === "--folder" ? "FOLDER" : "FOLDER/a.png";
    const { code, stderr } = await runOn(
      { "a.png": small },
      [source, path, ...away],
    );
    equal(code, 2, stderr);
    match(
      stderr,
      /error: digit 1: expected a region within the picture's 60 x 112 pixels/,
    );
  }
});

Deno.test("water_meter --folder exits with 2 and the reason when no picture can be used", async () => {
  const { code, stderr } = await runOn(
    { "a.png": black, "b.png": new Uint8Array(9) },
    ["--folder", "FOLDER", ...away],
  );
  equal(code, 2, stderr);
  match(stderr, /a.png: digit 1: too dark; this picture is left out/);
  match(stderr, /: pictures: 2, left out: 2\n/);
});

for (
  const [args, message] of [
    [[], /expected one source of --simulate, --picture, --folder, got 0/],
    [["--folder", "."], /expected --config/],
    [["--simulate", "--previous", "x"], /expected a number/],
    [["--simulate", "--device-id", "a b"], /letters, digits, _ and -/],
    [["--simulate", "--broker", "http://x"], /Expected a URL: mqtt/],
  ] as const
) {
  Deno.test(`water_meter ${args.join(" ")}: exit code 2 and a clear message`, async () => {
    const { code, stdout, stderr } = await runApp("water_meter", [...args]);
    equal(code, 2, stderr);
    equal(stdout, "");
    match(stderr, message);
  });
}
