/**
 * The demo's key, made once and kept.
 *
 * @module
 */
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import process from "node:process";
import {
  CipherlayerError,
  generatePrivateKey,
  type PrivateKey,
} from "@cipherlayer/sdk";
import { faultCode, readText } from "../../models/package/read_file.ts";
import { encodeHex } from "@std/encoding/hex";
import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";

/** A key pair, and a line that says where it is kept. */
export interface DemoKey {
  key: PrivateKey;
  note: string;
}

/**
 * Opens the demo's key pair of this length, or makes and stores one.
 *
 * It is sealed under `CIPHERLAYER_PASSPHRASE`. Where that is not set, a random
 * passphrase in a file beside the key has to do: no question is asked, and anybody who
 * can read both files has the key.
 *
 * @param options.onGenerate told before a key is made, which takes seconds
 */
export async function openDemoKey(
  { keyBits, insecure }: { keyBits: number; insecure: boolean },
  options: { signal: AbortSignal; onGenerate: () => void },
): Promise<DemoKey> {
  const { signal, onGenerate } = options;
  const folder = dataFolder();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const chosen = process.env.CIPHERLAYER_PASSPHRASE;
  const passphraseFile = `${folder}/demo-passphrase`;
  const passphrase = chosen || await randomPassphrase(passphraseFile);
  const source = chosen ? "CIPHERLAYER_PASSPHRASE" : passphraseFile;

  const name = `demo-${keyBits}${insecure ? "-insecure" : ""}.key`;
  const store = new FileKeyStore(`${folder}/${name}`, passphrase);
  let key = await store.load().catch((error) => {
    if (
      error instanceof CipherlayerError && error.code === "wrong-passphrase"
    ) {
      throw new Error(
        `Cannot open ${store.path}: it is sealed under another passphrase than ${source} holds`,
        { cause: error },
      );
    }
    throw error;
  });
  signal.throwIfAborted();
  if (key === null) {
    onGenerate();
    key = await generatePrivateKey(keyBits, { insecure, signal });
    await store.save(key);
  }
  return {
    key,
    note: `${
      insecure ? "INSECURE key" : "Key"
    } kept in ${store.path}, sealed under ${
      chosen
        ? source
        : `${source}: anybody who can read your files can open it (set CIPHERLAYER_PASSPHRASE to prevent that)`
    }`,
  };
}

/** Where programs keep data of this user. */
export function dataFolder(): string {
  const { LOCALAPPDATA, XDG_DATA_HOME, HOME } = process.env;
  const base = process.platform === "win32"
    ? LOCALAPPDATA
    : XDG_DATA_HOME || (HOME && `${HOME}/.local/share`);
  if (!base) {
    throw new Error(
      "Cannot keep the key: set XDG_DATA_HOME to a folder for it",
    );
  }
  return `${base}/cipherlayer`;
}

/** Reads the passphrase in `path`; the first caller makes it. */
async function randomPassphrase(path: string): Promise<string> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  const passphrase = encodeHex(crypto.getRandomValues(new Uint8Array(16)));
  await writeFile(temporary, passphrase, { mode: 0o600, flag: "wx" });
  try {
    // A link is made whole and never replaces, so that two runs agree on one.
    await link(temporary, path);
    return passphrase;
  } catch (error) {
    if (faultCode(error) !== "EEXIST") throw error;
    return await readText(path);
  } finally {
    await rm(temporary);
  }
}
