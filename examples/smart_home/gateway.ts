import {
  CipherlayerError,
  connect,
  openKey,
  PaillierEngine,
  type PrivateKey,
  type Session,
} from "@cipherlayer/sdk";
import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";
import { openDemoKey } from "../demo/demo_key.ts";
import { note, UsageError } from "../../cli/commands/command.ts";
import { startFunctions } from "../demo/server_process.ts";
import type { HomeOptions } from "./options.ts";

/** A session, with all that it runs on. */
export interface Gateway extends AsyncDisposable {
  session: Session;
}

/**
 * Opens the key, starts functions where none are named, and connects.
 *
 * @param samples readings in one inference
 */
export async function openGateway(
  model: string,
  samples: number,
  options: HomeOptions,
  signal: AbortSignal,
): Promise<Gateway> {
  await using opening = new AsyncDisposableStack();
  const key = await openGatewayKey(options, signal);
  if (!options.url) note("Starting functions here (--url uses others)");
  const url = options.url ?? opening.use(
    await startFunctions({ insecureKeys: options.insecure, signal }),
  ).url;
  const owner = opening.use(new PaillierEngine(key));
  const session = opening.use(
    await connect({
      url,
      token: options.token ?? undefined,
      model,
      keys: owner,
      samples,
      signal,
    }),
  );
  session.addEventListener("retry", ({ detail }) => {
    const seconds = (detail.delayMs / 1000).toFixed(1);
    note(`${detail.error.message}; trying again in ${seconds} s`);
  });
  const opened = opening.move();
  return {
    session,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/**
 * Runs `work`; where the cloud stays away, or forgets what it was sent, says so and
 * returns null: the next reading may fare better.
 *
 * @throws whatever else goes wrong
 */
export async function unlessAway<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CipherlayerError && error.retryable)) throw error;
    note(`${error.message}; this reading is left out`);
    return null;
  }
}

async function openGatewayKey(
  options: HomeOptions,
  signal: AbortSignal,
): Promise<PrivateKey> {
  if (options.key === null) {
    const { key, note: kept } = await openDemoKey(options, {
      signal,
      onGenerate: () => note(`Making a ${options.keyBits}-bit key pair (once)`),
    });
    note(kept);
    return key;
  }
  const passphrase = Deno.env.get("CIPHERLAYER_PASSPHRASE");
  if (!passphrase) {
    throw new UsageError(
      "error: --key needs CIPHERLAYER_PASSPHRASE, which opens it",
      2,
    );
  }
  return await openKey(new FileKeyStore(options.key, passphrase), { signal });
}
