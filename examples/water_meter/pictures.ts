import { note, UsageError } from "../../cli/commands/command.ts";
import { pause } from "../../cli/commands/program.ts";
import { type ColourImage, decodeImage } from "./image.ts";
import { drawMeter } from "./meter_face.ts";

/** A picture of the meter, and when it was taken. */
export interface MeterPicture {
  image: ColourImage;
  atMs: number;
}

const fetchTimeoutMs = 30_000;

/**
 * Pictures of a camera, one every `intervalS` seconds, from a URL or a file that
 * something else keeps writing. A picture that fails is said and left out.
 */
export async function* cameraPictures(
  address: string,
  intervalS: number,
  signal: AbortSignal,
): AsyncGenerator<MeterPicture> {
  while (true) {
    const atMs = Date.now();
    try {
      const bytes = /^https?:/.test(address)
        ? await download(address, signal)
        : await Deno.readFile(address);
      yield { image: decodeImage(bytes), atMs };
    } catch (error) {
      signal.throwIfAborted();
      note(`${address}: ${(error as Error).message}; this picture is left out`);
    }
    await pause(Math.max(0, atMs + 1000 * intervalS - Date.now()), signal);
  }
}

async function download(
  address: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const response = await fetch(address, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMs)]),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`expected a picture, got status ${response.status}`);
  }
  return await response.bytes();
}

/**
 * Pictures of a folder in the order of their names, taken `intervalS` seconds apart.
 *
 * @throws {UsageError} if there are none
 */
export async function* folderPictures(
  folder: string,
  intervalS: number,
): AsyncGenerator<MeterPicture> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (/\.(jpe?g|png)$/i.test(name)) names.push(name);
    }
  } catch (error) {
    throw new UsageError(
      `error: cannot read ${folder}: ${(error as Error).message}`,
      2,
    );
  }
  if (names.length === 0) {
    throw new UsageError(`error: ${folder}: expected .jpg or .png files`, 2);
  }
  const started = Date.now() - 1000 * intervalS * names.length;
  for (const [index, name] of names.sort().entries()) {
    let image;
    try {
      image = decodeImage(await Deno.readFile(`${folder}/${name}`));
    } catch (error) {
      note(`${name}: ${(error as Error).message}; this picture is left out`);
      continue;
    }
    yield { image, atMs: started + 1000 * intervalS * index };
  }
}

/** Rolls of the meter that is drawn, and how many of them are red. */
export const drawnFace = { digits: 8, decimals: 3 };

/**
 * Pictures of a meter that does not exist, while somebody takes a shower: 12 litres
 * a minute, `intervalS` seconds apart.
 */
export function* drawnPictures(intervalS: number): Generator<MeterPicture> {
  const startTicks = 123_456;
  const started = Date.now();
  for (let index = 0;; index++) {
    const ticks = startTicks + Math.round(index * intervalS * 12 / 60);
    yield {
      image: drawMeter(ticks, drawnFace),
      atMs: started + 1000 * intervalS * index,
    };
  }
}
