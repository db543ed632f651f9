/**
 * The gateway, in a Web Worker: keys, encryption and sessions. The private key does
 * not leave this worker but sealed, into IndexedDB.
 */
import {
  connect,
  IndexedDbBlobStore,
  openKey,
  PaillierEngine,
  type PrivateKey,
  SealedKeyStore,
  type Session,
} from "@cipherlayer/sdk";
import { encodeHex } from "@std/encoding/hex";
import { contracts } from "../contracts.ts";
import type { PageMessage, WorkerMessage } from "./messages.ts";
import { WatchedOwner } from "../watched_owner.ts";
import { RoundObserver } from "./observer.ts";

/** What is used of DedicatedWorkerGlobalScope, whose types exclude those of pages. */
const scope = globalThis as unknown as {
  postMessage(message: WorkerMessage): void;
  addEventListener(
    type: "message",
    listener: (event: MessageEvent<PageMessage>) => void,
  ): void;
};

const model = "lenet-mnist";
const insecureKeyBits = 512;
const tell = (message: WorkerMessage) => scope.postMessage(message);
const status = (text: string) => tell({ kind: "status", text });

interface Gateway {
  owner: WatchedOwner;
  session: Session;
  observer: RoundObserver;
}

let gateway: Gateway | null = null;

async function open(url: string, insecure: boolean): Promise<void> {
  await close();
  const owner = new WatchedOwner(await openBrowserKey(insecure));
  const observer = new RoundObserver(owner, globalThis.fetch.bind(globalThis));
  status("Connecting");
  let session: Session;
  try {
    session = await connect({
      url,
      model,
      contract: contracts[model],
      keys: owner,
      fetch: observer.fetch,
    });
  } catch (error) {
    owner[Symbol.dispose]();
    throw error;
  }
  gateway = { owner, session, observer };
  session.addEventListener("state", ({ detail }) => {
    if (detail.state !== "encrypting") return;
    status(`Round ${detail.round + 1} of ${session.plan.rounds.length}`);
  });
  session.addEventListener("retry", ({ detail }) => {
    const seconds = (detail.delayMs / 1000).toFixed(1);
    status(`${detail.error.message}; trying again in ${seconds} s`);
  });
  session.addEventListener("round", ({ detail }) => {
    const { layout } = session.plan.rounds[detail.round];
    const seen = observer.seen(layout);
    tell({
      kind: "round",
      seen: {
        ...seen,
        index: detail.round,
        rounds: detail.rounds,
        report: detail.report,
      },
    });
  });
  status("Preparing randomness, as a gateway does while it is idle");
  await session.whenPrepared();
  tell({
    kind: "ready",
    keyBits: owner.publicKey.modulusBits,
    fingerprint: owner.publicKey.fingerprint,
    kernel: owner.kernelName,
    model,
  });
}

async function close(): Promise<void> {
  await gateway?.session.close();
  gateway?.owner[Symbol.dispose]();
  gateway = null;
}

/**
 * The key in this browser's IndexedDB, sealed under a random passphrase that lies
 * beside it: whoever can read this browser's profile can open it. An app with a
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
  status(known ? "Opening the key" : `Making a ${bits}-bit key pair (once)`);
  return await openKey(store, { bits, insecure });
}

async function ask(picture: Uint8Array): Promise<void> {
  if (!gateway) throw new Error("There is no session");
  const { session, owner } = gateway;
  const reading = Float64Array.from(picture, (value) => value / 255);
  const { predicted, scores, totalMs, bytesUp, bytesDown, leakage } =
    await session.infer(reading);
  tell({
    kind: "answer",
    predicted,
    scores,
    totalMs,
    bytesUp,
    bytesDown,
    leakage,
  });
  await encryptEachPixel(owner, picture);
}

/** For the figure, and for it only, each pixel is encrypted by itself; nothing is sent. */
async function encryptEachPixel(
  owner: PaillierEngine,
  picture: Uint8Array,
): Promise<void> {
  const { ciphertextBytes } = owner.publicKey;
  const ciphertexts = await owner.encryptBatch(Array.from(picture, BigInt));
  const residues = picture.map((_, pixel) =>
    ciphertexts[(pixel + 1) * ciphertextBytes - 1]
  );
  tell({ kind: "ciphertextPicture", residues, bytes: ciphertexts.length });
}

scope.addEventListener("message", async ({ data }) => {
  try {
    if (data.kind === "open") await open(data.url, data.insecure);
    else await ask(data.picture);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    tell({ kind: "fault", text });
  }
});
