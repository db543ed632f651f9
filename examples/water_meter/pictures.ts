/**
 * Pictures of a meter from a camera, a folder, or drawn.
 *
 * @module
 */
import { note, UsageError } from "../../cli/commands/command.ts";
import { pause } from "../../cli/commands/program.ts";
import { reasonOf } from "../../sdk/session/reply_faults.ts";
import { readLimited } from "../../sdk/support/bytes.ts";
import { fileFault } from "../smart_home/file_faults.ts";
import type { Notices } from "../smart_home/notices.ts";
import type { Cut } from "./cut_digits.ts";
import { readExif } from "./exif.ts";
import { type ColourImage, decodeImage } from "./image.ts";
import { drawMeter } from "./meter_face.ts";

/** The digits of a picture of the meter, and when it was taken. */
export interface MeterPicture {
  readings: Float64Array[];
  atMs: number;
}

type CutPicture = (image: ColourImage) => Cut;

/** No other picture is tried: the last ones could not be used. */
export class PicturesEnded extends Error {
  override readonly name = "PicturesEnded";
}

const fetchTimeoutMs = 30_000;
const maxPictureBytes = 64 << 20;
/** A picture that failed is tried again after this, if that is sooner than the next. */
const retryS = 10;
/** Between the pictures that a first value needs, and the tries of a run that ends. */
const quickS = 2;

/** Options of {@linkcode cameraPictures}. */
export interface CameraOptions {
  /** From picture to picture, whatever was read. */
  intervalS: number;
  /** After so many of the first pictures the next is taken quickly. */
  quickly: number;
  /** After so many pictures in a row that cannot be used there is no other try. */
  maxFailures: number;
  cut: CutPicture;
  notices: Notices;
  signal: AbortSignal;
}

/**
 * Pictures of a camera, from a URL or a file that something else keeps writing. One
 * that fails, cannot be trusted, or is the same as before, is reported once and left out.
 *
 * @throws {PicturesEnded} after `maxFailures`
 */
export async function* cameraPictures(
  address: string,
  options: CameraOptions,
): AsyncGenerator<MeterPicture> {
  const { intervalS, quickly, maxFailures, cut, notices, signal } = options;
  const name = redact(address);
  note(`Taking a picture of ${name} every ${intervalS} s`);
  const againS = Math.min(intervalS, maxFailures < Infinity ? quickS : retryS);
  let before: Uint8Array = new Uint8Array();
  let used = 0, failures = 0;
  for (;;) {
    const started = performance.now();
    const taken = await takePicture(address, before, signal);
    const atMs = Date.now();
    const result = "fault" in taken ? taken : cut(taken.image);
    if ("bytes" in taken) {
      before = taken.bytes;
      notices.clear("camera");
    }
    let waitS = intervalS;
    if ("readings" in result) {
      notices.clear("picture");
      failures = 0;
      yield { readings: result.readings, atMs };
      if (used++ < quickly) waitS = Math.min(intervalS, quickS);
    } else {
      const cause = "fault" in taken ? "camera" : "picture";
      notices.warn(
        cause,
        `${name}: ${result.fault}; such pictures are left out`,
      );
      if (++failures >= maxFailures) {
        throw new PicturesEnded(
          `${name}: ${failures} pictures in a row left out: ${result.fault}`,
        );
      }
      if (cause === "camera" || used === 0) waitS = againS;
    }
    const waited = performance.now() - started;
    await pause(Math.max(0, 1000 * waitS - waited), signal);
  }
}

/** A picture unlike the one before, or why there is none. */
async function takePicture(
  address: string,
  before: Uint8Array,
  signal: AbortSignal,
): Promise<
  { bytes: Uint8Array; image: ColourImage } | { fault: string }
> {
  try {
    const bytes = /^https?:/.test(address)
      ? await download(address, signal)
      : await Deno.readFile(address);
    return equalBytes(bytes, before)
      ? { fault: "the same picture as before: does the camera hang?" }
      : { bytes, image: decodeImage(bytes) };
  } catch (error) {
    signal.throwIfAborted();
    return { fault: fileFault(error) };
  }
}

/** An address without user and password. */
function redact(address: string): string {
  if (!URL.canParse(address)) return address;
  const { origin, pathname } = new URL(address);
  return origin === "null" ? address : origin + pathname;
}

function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length &&
    left.every((byte, i) => byte === right[i]);
}

async function download(
  address: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { url, headers } = openedBy(address);
  const response = await fetch(url, {
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMs)]),
  }).catch((cause) => {
    throw new Error(reasonOf(cause), { cause });
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`expected a picture, got status ${response.status}`);
  }
  const bytes = await readLimited(response.body, { maxBytes: maxPictureBytes });
  if (bytes === null) {
    throw new Error(`expected a picture of at most ${maxPictureBytes} bytes`);
  }
  return bytes;
}

/** `fetch` takes no user and password in an address. */
function openedBy(address: string): { url: URL; headers: HeadersInit } {
  const url = new URL(address);
  const { username, password } = url;
  if (username === "" && password === "") return { url, headers: {} };
  url.username = url.password = "";
  const pair = `${decodeURIComponent(username)}:${
    decodeURIComponent(password)
  }`;
  const encoded = btoa(String.fromCharCode(...new TextEncoder().encode(pair)));
  return { url, headers: { authorization: `Basic ${encoded}` } };
}

/**
 * Pictures of a folder in the order of their names, taken when their EXIF says, else
 * when the file was last changed. One that cannot be used is reported and left out.
 *
 * @throws {UsageError} if there are none
 */
export async function* folderPictures(
  folder: string,
  cut: CutPicture,
): AsyncGenerator<MeterPicture> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (/\.(jpe?g|png)$/i.test(name)) names.push(name);
    }
  } catch (error) {
    throw new UsageError(`error: cannot read ${folder}: ${fileFault(error)}`);
  }
  if (names.length === 0) {
    throw new UsageError(`error: ${folder}: expected .jpg or .png files`);
  }
  let leftOut = 0;
  for (const name of names.sort()) {
    const { image, atMs, fault } = await readPicture(`${folder}/${name}`);
    const result = image ? cut(image) : { fault };
    if ("readings" in result) {
      yield { readings: result.readings, atMs };
      continue;
    }
    leftOut++;
    note(`${name}: ${result.fault}; this picture is left out`);
  }
  note(`${folder}: pictures: ${names.length}, left out: ${leftOut}`);
}

async function readPicture(
  path: string,
): Promise<{ image: ColourImage | null; atMs: number; fault: string }> {
  try {
    const bytes = await Deno.readFile(path);
    const { mtime } = await Deno.stat(path);
    const atMs = readExif(bytes).takenAtMs ?? mtime?.getTime() ?? Date.now();
    return { image: decodeImage(bytes), atMs, fault: "" };
  } catch (error) {
    return { image: null, atMs: 0, fault: fileFault(error) };
  }
}

const drawnCount = 13;

/** Rolls of the meter that is drawn, and how many of them are red. */
export const drawnFace = { digits: 8, decimals: 3 };

/**
 * Pictures of a meter that does not exist, while somebody takes a shower: 12 litres
 * a minute, `intervalS` seconds apart.
 */
export function* drawnPictures(
  intervalS: number,
  cut: CutPicture,
): Generator<MeterPicture> {
  const startTicks = 123_456;
  const started = Date.now();
  for (let index = 0; index < drawnCount; index++) {
    const ticks = startTicks + Math.round(index * intervalS * 12 / 60);
    const result = cut(drawMeter(ticks, drawnFace));
    const atMs = started + 1000 * intervalS * index;
    if ("readings" in result) yield { readings: result.readings, atMs };
  }
}
