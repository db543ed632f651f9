/** What a page does with keys and readings that IndexedDB holds; bundled for Chromium. */
import { IndexedDbBlobStore } from "../../sdk/blobs/blob_store_indexed_db.ts";
import { openKey, rotateKey } from "../../sdk/keys/key_store.ts";
import { SealedKeyStore } from "../../sdk/keys/key_store_sealed.ts";
import { OfflineQueue } from "../../sdk/queue/offline_queue.ts";
import { PrivateKey } from "../../sdk/paillier/private/private_key.ts";

const passphrase = "a passphrase, tested";

/** What the stores show. */
export interface StoreReport {
  /** Fingerprint of the current key, after opening it. */
  current: string | undefined;
  retired: string[];
  /** Readings that wait in the queue. */
  waiting: number;
  /** All blobs of the databases as text, and their names. */
  names: string[];
  text: string;
}

function stores() {
  const blobs = new IndexedDbBlobStore("gateway");
  const keys = new SealedKeyStore(blobs, passphrase, { cost: 1 << 10 });
  return { blobs, keys, queued: new IndexedDbBlobStore("readings") };
}

/** Saves a key, queues a reading under it, rotates, queues another. */
export async function fill(primes: [string, string]): Promise<void> {
  const { blobs, keys, queued } = stores();
  const [p, q] = primes.map((prime) => BigInt(`0x${prime}`));
  await keys.save(PrivateKey.fromPrimes(p, q));
  const queue = await OfflineQueue.open({ store: queued, keys });
  await queue.add([1, 2]);
  {
    // A queue in the key's own database is no obstacle.
    await using _queue = await OfflineQueue.open({ store: blobs, keys });
    await rotateKey(keys, { insecure: true });
  }
  await queue.add([3]);
  // Nobody else may use the store meanwhile; then anybody.
  const second = await OfflineQueue.open({ store: queued, keys })
    .then(() => "opened", ({ code }) => code);
  if (second !== "queue-locked") throw new Error(`a second queue: ${second}`);
  await queue[Symbol.asyncDispose]();
  await using _next = await OfflineQueue.open({ store: queued, keys });
}

/** What is there, for a page that has just been loaded. */
export async function inspect(): Promise<StoreReport> {
  const { blobs, keys, queued } = stores();
  const texts: string[] = [];
  for (const store of [blobs, queued]) {
    for (const name of await store.list()) {
      texts.push(String.fromCharCode(...(await store.read(name))!));
    }
  }
  return {
    current: (await keys.load())?.publicKey.fingerprint,
    retired: await keys.listRetired(),
    waiting: (await OfflineQueue.open({ store: queued, keys })).waiting,
    names: [...await blobs.list(), ...await queued.list()],
    text: texts.join(" "),
  };
}

/** Whether a wrong passphrase is told apart. */
export async function openWrongly(): Promise<string> {
  const wrong = new SealedKeyStore(new IndexedDbBlobStore("gateway"), "wrong");
  try {
    await wrong.load();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "opened";
}

/** Fingerprints that calls get which find no key and make one at once. */
export async function openAtOnce(): Promise<string[]> {
  const blobs = new IndexedDbBlobStore("another gateway");
  const keys = await Promise.all([1, 2, 3].map(() => {
    const store = new SealedKeyStore(blobs, passphrase, { cost: 1 << 10 });
    return openKey(store, { bits: 512, insecure: true });
  }));
  return keys.map(({ publicKey }) => publicKey.fingerprint);
}

/** Destroys the retired keys. */
export async function forgetRetired(): Promise<void> {
  const { keys } = stores();
  for (const fingerprint of await keys.listRetired()) {
    await keys.forget(fingerprint);
  }
}
