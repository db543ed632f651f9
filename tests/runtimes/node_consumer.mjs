// Run by Node beside an installed package; see node_package_test.ts.
import {
  connect,
  OfflineQueue,
  PaillierEngine,
  PrivateKey,
} from "@cipherlayer/sdk";
import { FileBlobStore } from "@cipherlayer/sdk/blob-store-file";
import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";

const { primes, url, model, reading } = JSON.parse(process.argv[2]);
const [p, q] = primes.map((prime) => BigInt(`0x${prime}`));

const store = new FileKeyStore("consumer.key", "a passphrase", { cost: 1024 });
await store.save(PrivateKey.fromPrimes(p, q));
const key = await store.load();

const owner = new PaillierEngine(key, { threads: 2 });
await owner.prepare();
const { threads } = owner;
const ciphertexts = await owner.encryptBatch([0n, 1n, 123456789n]);
const plaintexts = await owner.decryptBatch(ciphertexts);

const session = await connect({ url, model, keys: owner });
const { scores } = await session.infer(reading);

const queue = await OfflineQueue.open({
  store: new FileBlobStore("queue"),
  keys: store,
});
const queued = [];
const following = queue.process(session, { follow: true });
for (let i = 0; i < 2; i++) {
  const next = following.next();
  await queue.add(reading);
  queued.push((await next).value.answer.scores);
}
await session.close();
owner[Symbol.dispose]();

console.log(JSON.stringify({
  plaintexts: plaintexts.map(String),
  fingerprint: await store.fingerprint(),
  threads,
  scores,
  queued,
}));
