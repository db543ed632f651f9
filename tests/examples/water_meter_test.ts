import {
  deepEqual,
  equal,
  match,
  ok,
  rejects,
  throws,
} from "node:assert/strict";
import { encode } from "fast-png";
import jpeg from "jpeg-js";
import {
  keepKnown,
  knownBefore,
} from "../../examples/water_meter/known_value.ts";
import { parseConfig } from "../../examples/water_meter/meter_config.ts";
import { cutDigit, decodeImage } from "../../examples/water_meter/image.ts";
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

Deno.test("pictures: PNG and JPEG are decoded, digits are cut out and scaled", () => {
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
    await keepKnown(file, { ticks: 12, atMs: 34 });
    await keepKnown(file, { ticks: 56, atMs: 78 });
    deepEqual(await knownBefore(undefined, file, scale), {
      ticks: 56,
      atMs: 78,
    });
    equal((await knownBefore("0.007", file, scale))?.ticks, 7);
    await Deno.writeTextFile(file, '{"ticks":"5"}');
    await rejects(knownBefore(undefined, file, scale), /expected ticks/);
  } finally {
    await Deno.remove(file);
  }
  equal(await knownBefore(undefined, file, scale), null);
  equal(await knownBefore(undefined, undefined, scale), null);
});

Deno.test("the meter's description is checked", () => {
  const digit = { x: 1, y: 2, width: 3, height: 4 };
  const good = { digits: [digit, digit], decimals: 1, maxPerHour: 2 };
  const parse = (value: unknown) =>
    parseConfig(JSON.stringify(value), "m.json");
  deepEqual(parse(good), { ...good, name: "Water meter", unit: "m³" });
  throws(() => parseConfig("{", "m.json"), /m.json: expected JSON/);
  throws(() => parse(null), /"digits"/);
  throws(() => parse({ ...good, digits: [{ x: 1 }] }), /"digits"/);
  throws(() => parse({ ...good, decimals: 2 }), /"decimals"/);
  throws(() => parse({ ...good, maxPerHour: 0 }), /"maxPerHour"/);
});

Deno.test({
  name: "water_meter --folder: pictures in, checked readings out",
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
  name: "water_meter --picture: a camera that fails once, then answers",
  ignore,
  fn: async () => {
    const face = drawMeter(70_246, { digits: 5, decimals: 3 });
    const data = new Uint8Array(4 * face.width * face.height);
    face.pixels.forEach((value, i) => {
      data[4 * Math.floor(i / 3) + i % 3] = value;
    });
    const picture = new Uint8Array(jpeg.encode({ ...face, data }, 80).data);
    let asked = 0;
    await using camera = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () =>
        asked++ === 0
          ? new Response("busy", { status: 503 })
          : new Response(picture),
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
      match(stderr, /expected a picture, got status 503; this picture is left/);
      deepEqual(
        jsonLines<MeterReading>(stdout).map(({ value }) => value),
        ["70.246", "70.246"],
      );
      const kept = await knownBefore(undefined, `${config}.state`, scale);
      equal(kept?.ticks, 70_246);
      await Deno.remove(`${config}.state`);
    } finally {
      await Deno.remove(config);
    }
  },
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
