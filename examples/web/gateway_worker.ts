/**
 * The gateway, in a Web Worker: keys, encryption and sessions. The private key does
 * not leave this worker but sealed, into IndexedDB.
 *
 * @module
 */
import {
  IndexedDbBlobStore,
  openKey,
  type PrivateKey,
  SealedKeyStore,
} from "@cipherlayer/sdk";
import { encodeHex } from "@std/encoding/hex";
import { Gateway } from "./gateway.ts";
import type { PageMessage, WorkerMessage } from "./messages.ts";

/** What is used of DedicatedWorkerGlobalScope, whose types exclude those of pages. */
const scope = globalThis as unknown as {
  postMessage(message: WorkerMessage): void;
  addEventListener(
    type: "message",
    listener: (event: MessageEvent<PageMessage>) => void,
  ): void;
};

const insecureKeyBits = 512;
const tell = (message: WorkerMessage) => scope.postMessage(message);

let gateway: Gateway | null = null;

async function open(
  { url, insecure, sealed }: PageMessage & { kind: "open" },
): Promise<void> {
  await gateway?.[Symbol.asyncDispose]();
  gateway = null;
  const key = await openBrowserKey(insecure);
  gateway = await Gateway.open({ url, key, sealed, tell });
}

/**
 * The key in this browser's IndexedDB, sealed under a random passphrase that lies
 * beside it: anybody who can read this browser's profile can open it. An app with a
 * passphrase of its user's would seal it under that.
 */
async function openBrowserKey(insecure: boolean): Promise<PrivateKey> {
  const blobs = new IndexedDbBlobStore("cipherlayer-web");
  const name = insecure ? "insecure-key" : "key";
  let passphrase = await blobs.read(`${name}-passphrase`);
  if (!passphrase) {
    passphrase = crypto.getRandomValues(new Uint8Array(32));
    await blobs.write(`${name}-passphrase`, passphrase);
  }
  const store = new SealedKeyStore(blobs, encodeHex(passphrase), {
    name,
    // 256 random bits need no slow derivation.
    cost: 1 << 10,
  });
  const bits = insecure ? insecureKeyBits : 2048;
  const known = await store.fingerprint() !== null;
  tell({
    kind: "status",
    text: `Step 1 of 3: ${
      known ? "opening your key" : "making your key, once for this browser"
    }`,
  });
  return await openKey(store, { bits, insecure });
}

async function answer(message: PageMessage): Promise<void> {
  try {
    if (message.kind === "open") await open(message);
    else if (!gateway) throw new Error("There is no session");
    else if (message.kind === "ask") await gateway.ask(message.picture);
    else if (message.kind === "hide") await gateway.hide(message.picture);
    else await gateway.add(message.left, message.right);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    tell({ kind: "fault", text });
  }
}

/** Messages are answered in turn: what one decrypts is not taken for another's. */
let turn = Promise.resolve();
scope.addEventListener("message", ({ data }) => {
  turn = turn.then(() => answer(data));
});
