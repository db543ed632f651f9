/**
 * A handwritten digit is classified in the cloud, and the cloud never sees it.
 *
 * `deno task demo --help` lists the options.
 *
 * @module
 */
import { connect, type PaillierEngine, type Session } from "@cipherlayer/sdk";
import { unpackAnswers } from "@cipherlayer/sdk/protocol";
import { openDemoKey } from "./demo_key.ts";
import process from "node:process";
import { runProgram } from "../../cli/commands/program.ts";
import { contracts } from "../contracts.ts";
import { pictureSide } from "../digits/fit.ts";
import { WatchedOwner } from "../watched_owner.ts";
import { type DemoOptions, parseOptions } from "./options.ts";
import { drawSideBySide } from "./picture.ts";
import { type LabelledPicture, loadPictures } from "./pictures.ts";
import { Progress } from "../../cli/output/progress.ts";
import { toJson, toText } from "./report.ts";
import { sealPackage } from "./sealed_package.ts";
import {
  checkHealth,
  type ServerProcess,
  startFunctions,
} from "./server_process.ts";

const model = "lenet-mnist";

async function run(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const progress = new Progress();
  const pictures = await loadPictures(options.source, options.samples ?? 1);

  progress.step("Starting the functions and opening the key");
  await using sealed = options.privacy === "sealed"
    ? await sealPackage(model)
    : null;
  const starting = options.url
    ? givenFunctions(options.url, signal)
    : startFunctions({
      insecureKeys: options.insecure,
      models: sealed?.folder,
      signal,
    });
  const opening = openDemoKey(options, {
    signal,
    onGenerate: () =>
      progress.step(`Making a ${options.keyBits}-bit key pair (once)`),
  });
  await Promise.allSettled([starting, opening]);
  await using server = await starting;
  const { key, note } = await opening;
  progress.note(note);

  using owner = new WatchedOwner(key);
  progress.step("Connecting");
  await using session = await connect({
    url: server.url,
    token: options.token ?? undefined,
    model,
    contract: sealed?.contract ?? contracts[model],
    keys: owner,
    samples: pictures.length,
    signal,
  });
  session.addEventListener("state", ({ detail }) => {
    if (!("round" in detail)) return;
    const round = `Round ${detail.round + 1} of ${session.plan.rounds.length}`;
    if (detail.state === "encrypting") progress.step(round);
    progress.detail(`${round}: ${detail.state}`);
  });
  session.addEventListener("retry", ({ detail }) => {
    const seconds = (detail.delayMs / 1000).toFixed(1);
    progress.note(`${detail.error.message}; trying again in ${seconds} s`);
  });
  let seen = new Uint8Array();
  session.addEventListener("round", ({ detail }) => {
    if (detail.round === 0) seen = firstMap(session, owner);
  });
  progress.step("Preparing randomness, as a gateway does while it is idle");
  const preparing = performance.now();
  await session.whenPrepared();
  const preparedMs = performance.now() - preparing;
  const answers = await session.inferMany(
    pictures.map(({ pixels }) => Float64Array.from(pixels, (v) => v / 255)),
    { signal },
  );
  const result = {
    model,
    plan: session.plan,
    keyBits: owner.publicKey.modulusBits,
    insecure: options.insecure,
    preparedMs,
    answers,
    expected: pictures.map(({ expected }) => expected),
  };
  if (options.json) {
    progress.end();
    console.log(JSON.stringify(toJson(result, options.samples !== null)));
    return;
  }
  progress.step("Drawing");
  const drawn = await drawWithCiphertexts(pictures[0], owner, { seen, signal });
  progress.end();
  console.log(drawn + "\n\n" + toText(result));
}

/**
 * What the gateway decrypted in the first round, in one channel: a map of features, or
 * noise where the model is sealed. Grey levels between its extremes, black around it.
 */
function firstMap(
  { plan: { rounds: [{ layout }] } }: Session,
  owner: WatchedOwner,
): Uint8Array<ArrayBuffer> {
  const { shape: [, height, width], samples: [values] } = unpackAnswers(
    layout,
    owner.decrypted,
  );
  const map = values.subarray(0, height * width);
  const low = map.reduce((a, b) => Math.min(a, b));
  const high = map.reduce((a, b) => Math.max(a, b));
  const picture = new Uint8Array(pictureSide * pictureSide);
  map.forEach((value, i) => {
    const y = Math.floor(i / width) + ((pictureSide - height) >> 1);
    const x = i % width + ((pictureSide - width) >> 1);
    picture[y * pictureSide + x] = 255 * (value - low) / (high - low || 1);
  });
  return picture;
}

/**
 * The picture, beside one made of its ciphertexts modulo 256 (for this, and for this
 * only, each pixel is encrypted by itself), and beside what the gateway decrypted.
 */
async function drawWithCiphertexts(
  picture: LabelledPicture,
  owner: PaillierEngine,
  { seen, signal }: { seen: Uint8Array; signal: AbortSignal },
): Promise<string> {
  const { ciphertextBytes } = owner.publicKey;
  const plaintexts = Array.from(picture.pixels, (value) => BigInt(value));
  const ciphertexts = await owner.encryptBatch(plaintexts, { signal });
  const residues = picture.pixels.map((_, pixel) =>
    ciphertexts[(pixel + 1) * ciphertextBytes - 1]
  );
  const colour = (process.stdout.isTTY ?? false) && !process.env.NO_COLOR;
  return drawSideBySide([
    { title: "The gateway's digit", pixels: picture.pixels },
    { title: "Its ciphertexts mod 256", pixels: residues },
    { title: "What the gateway decrypts", pixels: seen },
  ], colour);
}

/** Functions that run elsewhere, and go on running. */
async function givenFunctions(
  url: URL,
  signal: AbortSignal,
): Promise<ServerProcess> {
  await checkHealth(url, signal);
  return { url, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** Runs the demo and ends the process. */
export async function runDemo(args?: string[]): Promise<never> {
  return await runProgram(async (args, signal) => {
    try {
      await run(parseOptions(args), signal);
    } finally {
      new Progress().end();
    }
  }, args);
}

if (import.meta.main) await runDemo();
