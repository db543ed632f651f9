/**
 * A week of a water meter in seconds: camera, functions, broker, disk and clock fail
 * one after another while the app runs. Prints what was published.
 */
import { platformClock } from "../../sdk/support/clock.ts";
import fs from "node:fs/promises";
import { encode } from "fast-png";
import { run } from "../../examples/water_meter/main.ts";
import { deviceTopics } from "../../examples/smart_home/mqtt_device.ts";
import type { MeterReading } from "../../examples/water_meter/reading.ts";
import {
  drawMeter,
  faceRegions,
} from "../../examples/water_meter/meter_face.ts";
import { freePort, startBroker, Watcher } from "../support/broker.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { startCloud } from "../support/cloud.ts";

/** What the program prints. */
export interface Week {
  published: MeterReading[];
  /** Values that the meter showed, by the time of the picture. */
  truth: Record<string, string>;
  ticks: number;
  /** What the state file holds. */
  kept: { ticks: number };
}

const face = { digits: 5, decimals: 3 };
const intervalMs = 300_000;
const hourMs = 3_600_000;
const realNow = Date.now;
const platformOpen = fs.open;

const published: MeterReading[] = [];
let onPublished = () => {};
const folder = await Deno.makeTempDir();
const model = await readPackage("models/zoo/meter-digits/package");
/** Sealing keys as of functions that were deployed anew. */
const cloudOn = (port: number, seed: number) =>
  startCloud([model], {
    port,
    clock: realNow,
    sealingKey: new Uint8Array(32).fill(seed),
  });
let cloud = cloudOn(0, 1);
let stopped = Promise.resolve();
const brokerPort = await freePort();
let broker = await startBroker({ port: brokerPort });

// Time goes on by five minutes a picture; a jump adds to that.
let taken = 0, jumpMs = 0;
const startMs = realNow();
Date.now = () => startMs + intervalMs * taken + jumpMs;
// Only the app's: a session would take a week in seconds for a machine that was stopped.
platformClock.wall = realNow;

let ticks = 12_340;
let latest = "";
/** Values that the meter showed, by the time of the picture. */
const truth: Record<string, string> = {};

function good(): Response {
  ticks += 7;
  latest = new Date(Date.now()).toISOString();
  truth[latest] = (ticks / 1000).toFixed(3);
  return png(drawMeter(ticks, face).pixels);
}

/** Resolves when the latest picture that can be read has its result. */
async function told(): Promise<void> {
  while (!published.some(({ timestamp }) => timestamp === latest)) {
    await new Promise<void>((resolve) => onPublished = resolve);
  }
}

function png(pixels: Uint8Array): Response {
  const { width, height } = drawMeter(0, face);
  return new Response(
    encode({ width, height, data: pixels, channels: 3 }) as never,
  );
}

const flat = (level: number) =>
  new Uint8Array(drawMeter(0, face).pixels.length).fill(level);

/** The week: what happens before each picture, and the picture. */
const week: (() => Response | Promise<Response>)[] = [
  good,
  good,
  () => new Response("busy", { status: 503 }),
  () => png(flat(0)),
  () => png(flat(255)),
  () => new Response(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])),
  // Turned by half.
  () => {
    const { pixels } = drawMeter(ticks, face);
    const last = pixels.length / 3 - 1;
    return png(
      pixels.map((_, i) => pixels[3 * (last - Math.floor(i / 3)) + i % 3]),
    );
  },
  good,
  // Misread by a thousand litres: too much for the time.
  () => {
    latest = new Date(Date.now()).toISOString();
    return png(drawMeter(ticks + 20_000, face).pixels);
  },
  // The disk is full while nothing waits: the reading cannot be kept.
  async () => {
    await told();
    fs.open = () =>
      Promise.reject(
        Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" }),
      );
    return png(drawMeter(ticks + 1, face).pixels);
  },
  () => {
    fs.open = platformOpen;
    return good();
  },
  () => {
    stopped = cloud.stop();
    return good();
  },
  good,
  async () => {
    await stopped;
    cloud = cloudOn(cloud.port, 2);
    return good();
  },
  // The clock is set back by hours, then ahead by years.
  () => {
    jumpMs -= 5 * hourMs;
    return good();
  },
  () => {
    jumpMs += 20_000 * hourMs;
    return good();
  },
  async () => {
    await broker[Symbol.asyncDispose]();
    return good();
  },
  async () => {
    broker = await startBroker({ port: brokerPort });
    return good();
  },
  good,
];

const allTaken = Promise.withResolvers<void>();
const camera = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  async () => {
    const step = week[taken];
    if (!step) {
      allTaken.resolve();
      return new Response("no more", { status: 503 });
    }
    taken++;
    return await step();
  },
);
const stop = new AbortController();
// What is published is printed, too.
const print = console.log;
console.log = (line: string) => {
  published.push(JSON.parse(line));
  onPublished();
};
try {
  const reference = png(drawMeter(12_340, face).pixels);
  await Deno.writeFile(`${folder}/face.png`, await reference.bytes());
  await Deno.writeTextFile(
    `${folder}/meter.json`,
    JSON.stringify({
      digits: faceRegions(face.digits),
      decimals: face.decimals,
      maxPerHour: 3,
      reference: "face.png",
    }),
  );
  const running = run([
    ...["--picture", `http://127.0.0.1:${camera.addr.port}/raw.png`],
    ...["--config", `${folder}/meter.json`],
    ...["--state", `${folder}/state.json`],
    ...["--queue", `${folder}/queue`],
    ...["--interval-s", "0.02", "--json", "--insecure-key-bits", "512"],
    ...["--url", cloud.url, "--broker", `mqtt://127.0.0.1:${brokerPort}`],
  ], stop.signal);
  await Promise.race([allTaken.promise.then(told), running]);
  // The broker that came back knows nothing but what it has been told since.
  await using watcher = await Watcher.connect(broker.url);
  const { state: topic } = deviceTopics("water_meter");
  let states: string[] = [];
  do states = await watcher.until(topic, states.length + 1); while (
    JSON.parse(states.at(-1)!).value !== published.at(-1)!.value
  );
  stop.abort();
  await running.catch(() => {});
  const kept = JSON.parse(await Deno.readTextFile(`${folder}/state.json`));
  print(JSON.stringify({ published, truth, ticks, kept } satisfies Week));
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(0);
