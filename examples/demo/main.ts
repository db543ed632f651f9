/**
 * A handwritten digit is classified in the cloud, and the cloud never sees it.
 *
 * `deno task demo --help` lists the options.
 */
import { connect, PaillierEngine } from "@cipherlayer/sdk";
import { openDemoKey } from "./demo_key.ts";
import process from "node:process";
import { runProgram } from "../../cli/commands/program.ts";
import { contracts } from "../contracts.ts";
import { type DemoOptions, parseOptions } from "./options.ts";
import { drawSideBySide } from "./picture.ts";
import { type LabelledPicture, loadPictures } from "./pictures.ts";
import { Progress } from "../../cli/output/progress.ts";
import { toJson, toText } from "./report.ts";
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
  const starting = options.url
    ? givenFunctions(options.url, signal)
    : startFunctions({ insecureKeys: options.insecure, signal });
  const opening = openDemoKey(options, {
    signal,
    onGenerate: () =>
      progress.step(`Making a ${options.keyBits}-bit key pair (once)`),
  });
  await Promise.allSettled([starting, opening]);
  await using server = await starting;
  const { key, note } = await opening;
  progress.note(note);

  using owner = new PaillierEngine(key);
  progress.step("Connecting");
  await using session = await connect({
    url: server.url,
    token: options.token ?? undefined,
    model,
    contract: contracts[model],
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
  const drawn = await drawWithCiphertexts(pictures[0], owner, signal);
  progress.end();
  console.log(drawn + "\n\n" + toText(result));
}

/**
 * The picture, beside one made of its ciphertexts modulo 256: for this, and for
 * this only, each pixel is encrypted by itself.
 */
async function drawWithCiphertexts(
  picture: LabelledPicture,
  owner: PaillierEngine,
  signal: AbortSignal,
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
