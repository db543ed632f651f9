import { note, UsageError } from "../../cli/commands/command.ts";
import { pause } from "../../cli/commands/program.ts";
import { reasonOf } from "../../sdk/session/reply_faults.ts";
import { readLimited } from "../../sdk/support/bytes.ts";
import type { Notices } from "../smart_home/notices.ts";
import { readExif } from "./exif.ts";
import { type ColourImage, decodeImage } from "./image.ts";
import { drawMeter } from "./meter_face.ts";

/** A picture of the meter, and when it was taken. */
export interface MeterPicture {
  image: ColourImage;
  atMs: number;
}

const fetchTimeoutMs = 30_000;
const maxPictureBytes = 64 << 20;
/** A picture that failed is tried again after this, if that is sooner than the next. */
const retryS = 10;
/** Between the pictures that a first value needs. */
const quickS = 2;

/** Options of {@linkcode cameraPictures}. */
export interface CameraOptions {
  /** From picture to picture, whatever was read. */
  intervalS: number;
  /** After so many of the first pictures the next is taken quickly. */
  quickly: number;
  notices: Notices;
  signal: AbortSignal;
}

/**
 * Pictures of a camera, from a URL or a file that something else keeps writing. One
 * that fails, or is the same as before, is told once and left out.
 */
export async function* cameraPictures(
  address: string,
  { intervalS, quickly, notices, signal }: CameraOptions,
): AsyncGenerator<MeterPicture> {
  note(`Taking a picture of ${redact(address)} every ${intervalS} s`);
  let before: Uint8Array = new Uint8Array();
  for (let taken = 0;;) {
    const started = performance.now();
    let waitS = Math.min(intervalS, retryS);
    try {
      const bytes = /^https?:/.test(address)
        ? await download(address, signal)
        : await Deno.readFile(address);
      if (equalBytes(bytes, before)) {
        throw new Error("the same picture as before: does the camera hang?");
      }
      const image = decodeImage(bytes);
      before = bytes;
      notices.clear("camera");
      yield { image, atMs: Date.now() };
      waitS = taken++ < quickly ? Math.min(intervalS, quickS) : intervalS;
    } catch (error) {
      signal.throwIfAborted();
      notices.warn(
        "camera",
        `${redact(address)}: ${
          (error as Error).message
        }; such pictures are left out`,
      );
    }
    const waited = performance.now() - started;
    await pause(Math.max(0, 1000 * waitS - waited), signal);
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
 * when the file was last changed.
 *
 * @throws {UsageError} if there are none
 */
export async function* folderPictures(
  folder: string,
): AsyncGenerator<MeterPicture> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (/\.(jpe?g|png)$/i.test(name)) names.push(name);
    }
  } catch (error) {
    throw new UsageError(
      `error: cannot read ${folder}: ${(error as Error).message}`,
    );
  }
  if (names.length === 0) {
    throw new UsageError(`error: ${folder}: expected .jpg or .png files`);
  }
  for (const name of names.sort()) {
    try {
      const bytes = await Deno.readFile(`${folder}/${name}`);
      const { mtime } = await Deno.stat(`${folder}/${name}`);
      const atMs = readExif(bytes).takenAtMs ?? mtime?.getTime() ?? Date.now();
      yield { image: decodeImage(bytes), atMs };
    } catch (error) {
      note(`${name}: ${(error as Error).message}; this picture is left out`);
    }
  }
}

const drawnCount = 13;

/** Rolls of the meter that is drawn, and how many of them are red. */
export const drawnFace = { digits: 8, decimals: 3 };

/**
 * Pictures of a meter that does not exist, while somebody takes a shower: 12 litres
 * a minute, `intervalS` seconds apart.
 */
export function* drawnPictures(intervalS: number): Generator<MeterPicture> {
  const startTicks = 123_456;
  const started = Date.now();
  for (let index = 0; index < drawnCount; index++) {
    const ticks = startTicks + Math.round(index * intervalS * 12 / 60);
    yield {
      image: drawMeter(ticks, drawnFace),
      atMs: started + 1000 * intervalS * index,
    };
  }
}
