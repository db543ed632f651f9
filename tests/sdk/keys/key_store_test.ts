import assert from "node:assert/strict";
import {
  chmod,
  copyFile,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import fc from "fast-check";
import {
  fingerprintOfSealed,
  sealPrivateKey,
  unsealPrivateKey,
} from "../../../sdk/keys/key_sealing.ts";
import { MemoryBlobStore } from "../../../sdk/blobs/blob_store.ts";
import { KvBlobStore } from "../../../sdk/blobs/blob_store_kv.ts";
import {
  type KeyStore,
  MemoryKeyStore,
  openKey,
  rotateKey,
} from "../../../sdk/keys/key_store.ts";
import { FileKeyStore } from "../../../sdk/keys/key_store_file.ts";
import { SealedKeyStore } from "../../../sdk/keys/key_store_sealed.ts";
import { OfflineQueue } from "../../../sdk/queue/offline_queue.ts";
import { QueueSealer } from "../../../sdk/queue/offline_queue_sealing.ts";
import { platformRandom } from "../../../sdk/support/random.ts";
import { generatePrivateKey } from "../../../sdk/paillier/private/key_generation.ts";
import { exportPrivateJwk } from "../../../sdk/paillier/private/jwk.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import type { PrivateKey } from "../../../sdk/paillier/private/private_key.ts";
import { connect } from "../../../sdk/session/session.ts";
import { multiPrimeKey, testKey } from "../../vectors/keys.ts";
import * as stored from "../../vectors/stored_keys.ts";

const key = testKey(512);
const other = multiPrimeKey(768);
const another = multiPrimeKey(1024);
const passphrase = "a passphrase, tested";
/** The least cost: these tests are not about resisting guesses. */
const cost = 1 << 10;

async function inFolder(run: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function behavesAsStore(store: KeyStore) {
  assert.equal(await store.load(), null);
  assert.equal(await store.fingerprint(), null);
  assert.deepEqual(await store.listRetired(), []);
  assert.equal(await store.load(key.publicKey.fingerprint), null);
  await assert.rejects(rotateKey(store), TypeError);
  for (const saved of [key, other, another, key, key]) {
    await store.save(saved);
    assert.equal(await store.fingerprint(), saved.publicKey.fingerprint);
    const loaded = await store.load();
    assert.deepEqual(loaded?.exportPrimes(), saved.exportPrimes());
  }
  assert.equal(await openKey(store).then(fingerprintOf), fingerprintOf(key));
  assert.deepEqual(
    (await store.listRetired()).sort(),
    [fingerprintOf(other), fingerprintOf(another)].sort(),
  );
  for (const kept of [key, other, another]) {
    const loaded = await store.load(fingerprintOf(kept));
    assert.deepEqual(loaded?.exportPrimes(), kept.exportPrimes());
  }

  const next = await rotateKey(store, { insecure: true });
  assert.equal(next.publicKey.modulusBits, 512);
  assert.equal(await store.fingerprint(), fingerprintOf(next));
  assert.deepEqual(
    (await store.listRetired()).sort(),
    [key, other, another].map(fingerprintOf).sort(),
  );
  await store.forget(fingerprintOf(other));
  await store.forget(fingerprintOf(another));
  await store.forget(fingerprintOf(next)); // current: stays
  assert.deepEqual(await store.listRetired(), [fingerprintOf(key)]);
  assert.equal(await store.load(fingerprintOf(other)), null);
  assert.deepEqual((await store.load())?.exportPrimes(), next.exportPrimes());
}

function fingerprintOf({ publicKey }: PrivateKey): string {
  return publicKey.fingerprint;
}

Deno.test("a memory store keeps current and retired keys", async () => {
  await behavesAsStore(new MemoryKeyStore());
});

Deno.test("a sealed store in memory keeps current and retired keys", async () => {
  const blobs = new MemoryBlobStore();
  await behavesAsStore(new SealedKeyStore(blobs, passphrase, { cost }));
});

Deno.test("a sealed store in Deno KV keeps current and retired keys", async () => {
  using kv = await Deno.openKv(":memory:");
  const blobs = new KvBlobStore(kv, "gateway 1");
  await behavesAsStore(new SealedKeyStore(blobs, passphrase, { cost }));
  assert.equal(
    await new SealedKeyStore(new KvBlobStore(kv, "gateway 2"), passphrase)
      .load(),
    null,
  );
});

Deno.test("opening an empty store makes a key", async () => {
  const store = new MemoryKeyStore();
  const made = await openKey(store, { bits: 512, insecure: true });
  assert.equal(fingerprintOf(await openKey(store)), fingerprintOf(made));
});

Deno.test("makes a key with the requested primes, and rotates to the default ones", async () => {
  const store = new MemoryKeyStore();
  const options = { insecure: true, bits: 1024, primes: 4 } as const;
  const made = await openKey(store, options);
  assert.equal(made.exportPrimes().length, 4);
  const rotated = await rotateKey(store, { insecure: true });
  assert.equal(rotated.publicKey.modulusBits, 1024);
  assert.equal(rotated.exportPrimes().length, 2);
  const asked = await rotateKey(store, { insecure: true, primes: 3 });
  assert.equal(asked.exportPrimes().length, 3);
});

Deno.test("opens a key and a reading stored before keys had more than two primes", async () => {
  const blobs = new MemoryBlobStore();
  const file = JSON.stringify(stored.storedKey);
  await blobs.write("key", new TextEncoder().encode(file));
  const keys = new SealedKeyStore(blobs, stored.passphrase);
  assert.deepEqual((await keys.load())?.exportPrimes(), key.exportPrimes());

  const queued = Uint8Array.fromBase64(stored.queuedReading, {
    alphabet: "base64url",
  });
  const sealer = new QueueSealer(keys, platformRandom);
  const opened = await sealer.open("0.queued", queued);
  // A key of three primes seals, too, and the old one goes on opening.
  await keys.save(other);
  const later = await sealer.seal("1.queued", 0, opened);
  const reopened = new QueueSealer(keys, platformRandom);
  assert.deepEqual(await reopened.open("1.queued", later), opened);
  assert.deepEqual(await reopened.open("0.queued", queued), opened);
});

Deno.test("a rotation with a wrong passphrase changes nothing", async () => {
  const blobs = new MemoryBlobStore();
  await new SealedKeyStore(blobs, passphrase, { cost }).save(key);
  const wrong = new SealedKeyStore(blobs, "another", { cost });
  await assert.rejects(rotateKey(wrong, { insecure: true }), {
    code: "wrong-passphrase",
  });
  assert.deepEqual(await blobs.list(), ["key"]);
});

Deno.test("a file store keeps current and retired keys, in files of mode 0600", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/gateway.key`;
    await behavesAsStore(new FileKeyStore(path, passphrase, { cost }));
    const names = await readdir(folder);
    assert.deepEqual(names.filter((name) => !/^gateway\.key/.test(name)), []);
    assert.deepEqual(names.filter((name) => name.endsWith(".tmp")), []);
    for (const name of names) {
      if (Deno.build.os === "windows") break;
      assert.equal((await stat(`${folder}/${name}`)).mode & 0o777, 0o600);
    }
    await new FileKeyStore(path, passphrase, { cost }).save(key);
    const again = new FileKeyStore(path, passphrase);
    assert.deepEqual(
      (await again.load())?.exportPrimes(),
      key.exportPrimes(),
    );
  });
});

Deno.test("a failed save leaves the old key and no other file but its lock", async () => {
  await inFolder(async (folder) => {
    // A folder in the file's place: the rename fails.
    const path = `${folder}/taken`;
    await Deno.mkdir(`${path}/inside`, { recursive: true });
    await assert.rejects(
      new FileKeyStore(path, passphrase, { cost }).save(key),
    );
    assert.deepEqual((await readdir(folder)).sort(), ["taken", "taken.lock"]);
    await assert.rejects(new FileKeyStore(path, passphrase).load(), {
      code: "EISDIR",
    });
    const missing = new FileKeyStore(`${folder}/no/such/k`, passphrase, {
      cost,
    });
    await assert.rejects(missing.save(key), { code: "ENOENT" });
  });
});

Deno.test("distinguishes a wrong passphrase from damage", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/gateway.key`;
    await new FileKeyStore(path, passphrase, { cost }).save(key);
    const wrong = new FileKeyStore(path, passphrase + " ");
    await assert.rejects(wrong.load(), {
      code: "wrong-passphrase",
      message: /wrong passphrase/,
    });
    assert.equal(await wrong.fingerprint(), key.publicKey.fingerprint);

    const right = new FileKeyStore(path, passphrase);
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = whole.slice();
      damaged[at] ^= 1;
      await writeFile(path, damaged);
      await assert.rejects(right.load(), { code: "key-corrupt" }, `byte ${at}`);
    }
    const foreign = ["", "{}", "null", "[]", "7", '{"format":"other"}'];
    for (const text of [...foreign, whole.toString().slice(0, -9)]) {
      await writeFile(path, text);
      await assert.rejects(right.load(), { code: "key-corrupt" });
      await assert.rejects(right.fingerprint(), { code: "key-corrupt" });
    }
  });
});

Deno.test("throws only the declared error for bytes that are no sealed key", async () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.jsonValue().map((value) =>
      new TextEncoder().encode(JSON.stringify(value))
    ),
  );
  await fc.assert(fc.asyncProperty(bytes, async (foreign) => {
    await assert.rejects(unsealPrivateKey(foreign, passphrase), {
      code: "key-corrupt",
    });
  }));
});

Deno.test("refuses a carefully altered header", async () => {
  const sealed = await sealPrivateKey(key, passphrase, { cost });
  const forge = async (change: (file: Record<string, unknown>) => void) => {
    const file = JSON.parse(new TextDecoder().decode(sealed));
    delete file.checksum;
    change(file);
    const body = new TextEncoder().encode(JSON.stringify(file));
    const digest = await crypto.subtle.digest("SHA-256", body);
    const checksum = Array.from(
      new Uint8Array(digest),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
    return new TextEncoder().encode(JSON.stringify({ ...file, checksum }));
  };
  const unchanged = await forge(() => {});
  const opened = await unsealPrivateKey(unchanged, passphrase);
  assert.deepEqual(opened.exportPrimes(), key.exportPrimes());

  const renamed = await forge((file) => {
    file.fingerprint = other.publicKey.fingerprint;
  });
  await assert.rejects(unsealPrivateKey(renamed, passphrase), {
    code: "wrong-passphrase",
  });
  for (const N of [2 ** 30, "1024", [1024], true]) {
    const strange = await forge((file) => {
      (file.kdf as Record<string, unknown>).N = N;
    });
    await assert.rejects(unsealPrivateKey(strange, passphrase), {
      code: "key-corrupt",
    });
  }
  for (const member of ["kdf", "cipher", "sealed", "fingerprint"]) {
    const without = await forge((file) => delete file[member]);
    await assert.rejects(unsealPrivateKey(without, passphrase), {
      code: "key-corrupt",
    });
    assert.throws(() => fingerprintOfSealed(without), { code: "key-corrupt" });
  }
});

Deno.test("sealed bytes hide the key and differ each time", async () => {
  const [one, two] = await Promise.all(
    [1, 2].map(() => sealPrivateKey(other, passphrase, { cost })),
  );
  const text = new TextDecoder().decode(one);
  const { p, q, oth } = exportPrivateJwk(other);
  for (const secret of [p, q, oth![0].r, passphrase]) {
    assert.ok(!text.includes(secret));
  }
  const [a, b] = [one, two].map((bytes) =>
    JSON.parse(new TextDecoder().decode(bytes))
  );
  assert.notEqual(a.sealed, b.sealed);
  assert.notEqual(a.cipher.nonce, b.cipher.nonce);
  assert.notEqual(a.kdf.salt, b.kdf.salt);
});

Deno.test("normalises Unicode passphrases and refuses empty ones", async () => {
  const composed = "caf\u00e9", decomposed = "cafe\u0301";
  const sealed = await sealPrivateKey(key, composed, { cost });
  const opened = await unsealPrivateKey(sealed, decomposed);
  assert.deepEqual(opened.exportPrimes(), key.exportPrimes());
  await assert.rejects(sealPrivateKey(key, "", { cost }), RangeError);
  for (const none of ["", undefined as unknown as string]) {
    assert.throws(() => new FileKeyStore("x", none), RangeError);
  }
  for (const bad of [0, 3, 512, 2 ** 21, Number.NaN]) {
    await assert.rejects(
      sealPrivateKey(key, passphrase, { cost: bad }),
      RangeError,
    );
  }
});

Deno.test("a file store shows no passphrase when printed, cloned or enumerated", () => {
  const store = new FileKeyStore("path/to.key", passphrase);
  const shown = Deno.inspect(store, { showHidden: true, depth: 9 }) +
    JSON.stringify(store);
  assert.ok(!shown.includes(passphrase));
});

Deno.test("connecting with an empty key store throws a TypeError", async () => {
  await assert.rejects(
    connect({
      url: "http://127.0.0.1:9",
      model: "any",
      keys: new MemoryKeyStore(),
    }),
    { name: "TypeError", message: /expected a key in the store/ },
  );
});

/** As JSON, or the error that refuses it. */
function json(value: unknown): string {
  try {
    return JSON.stringify(
      value,
      (_, member) => typeof member === "bigint" ? member.toString() : member,
    );
  } catch (error) {
    return String(error);
  }
}

Deno.test("nothing that holds a key shows it: printed, as JSON, cloned or enumerated", async () => {
  const key = other, { p, q, oth } = exportPrivateJwk(key);
  const secrets = key.exportPrimes().flatMap((prime) => [
    prime.toString(),
    prime.toString(16),
  ]).concat(p, q, oth![0].r);
  const blobs = new MemoryBlobStore();
  const sealed = new SealedKeyStore(blobs, passphrase, { cost });
  const memory = new MemoryKeyStore();
  for (const store of [sealed, memory]) await store.save(key);
  using owner = new PaillierEngine(key, { threads: 0 });
  await owner.encryptBatch([1n]);
  const queue = await OfflineQueue.open({ store: blobs, keys: memory });
  await queue.add([1]);
  for (const holder of [key, owner, sealed, memory, queue]) {
    const shown = [
      Deno.inspect(holder, { showHidden: true, depth: 9 }),
      String(holder),
      json(holder),
      Deno.inspect(structuredClone({ ...holder }), { depth: 9 }),
      Object.entries(Object.getOwnPropertyDescriptors(holder)).join(),
    ].join("\n");
    for (const secret of [...secrets, passphrase]) {
      assert.ok(!shown.includes(secret), holder.constructor.name);
    }
  }
});

Deno.test("loading a key by its fingerprint never gives another, wherever files were put", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/gateway.key`;
    const store = new FileKeyStore(path, passphrase, { cost });
    await store.save(key);
    await store.save(other);
    const retired = `${path}.${key.publicKey.fingerprint}`;
    await writeFile(retired, await readFile(path));
    await assert.rejects(store.load(key.publicKey.fingerprint), {
      code: "key-corrupt",
      message: /its file holds/,
    });
  });
});

Deno.test("processes that make a key at the same time end with one key", async () => {
  await inFolder(async (folder) => {
    const opened = await Promise.all(
      Array.from({ length: 4 }, () => {
        const path = `${folder}/gateway.key`;
        const store = new FileKeyStore(path, passphrase, { cost });
        return openKey(store, { bits: 512, insecure: true });
      }),
    );
    const [first, ...others] = opened.map((key) => key.publicKey.fingerprint);
    for (const other of others) assert.equal(other, first);
    assert.deepEqual(await readdir(folder), ["gateway.key"]);
  });
});

Deno.test("instances that make a key in Deno KV at the same time end with one key", async () => {
  using kv = await Deno.openKv(":memory:");
  const opened = await Promise.all(Array.from({ length: 4 }, () => {
    const blobs = new KvBlobStore(kv, "gateway");
    const store = new SealedKeyStore(blobs, passphrase, { cost });
    return openKey(store, { bits: 512, insecure: true });
  }));
  assert.equal(new Set(opened.map(fingerprintOf)).size, 1);
});

Deno.test("makes no key with create: false, and reports a new one", async () => {
  const store = new MemoryKeyStore();
  await assert.rejects(openKey(store, { create: false }), {
    name: "CipherlayerError",
    code: "key-missing",
  });
  assert.equal(await store.fingerprint(), null);
  const told: string[] = [];
  const options = {
    bits: 512,
    insecure: true,
    onNewKey: (key: PrivateKey) => told.push(fingerprintOf(key)),
  };
  const made = await openKey(store, options);
  await openKey(store, options);
  await openKey(store, { create: false });
  assert.deepEqual(told, [fingerprintOf(made)]);
});

Deno.test("notices a retired file that was copied back; it can be used on purpose", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/gateway.key`;
    const store = new FileKeyStore(path, passphrase, { cost });
    await store.save(key);
    await store.save(other);
    await copyFile(`${path}.${fingerprintOf(key)}`, path);
    for (const use of [() => store.load(), () => store.fingerprint()]) {
      await assert.rejects(use(), {
        code: "key-corrupt",
        message: /expected one in use, got [0-9a-f]{16}, which was retired/,
      });
    }
    await assert.rejects(openKey(store), { code: "key-corrupt" });
    const retired = await store.load(fingerprintOf(key));
    await store.save(retired!);
    assert.equal(await store.fingerprint(), fingerprintOf(key));
    assert.deepEqual((await store.load())?.exportPrimes(), key.exportPrimes());
  });
});

Deno.test("simultaneous saves from separate stores retire every key and lose none", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/gateway.key`;
    const keys = await Promise.all(
      [1, 2, 3, 4].map(() => generatePrivateKey(512, { insecure: true })),
    );
    await Promise.all(
      keys.map((key) => new FileKeyStore(path, passphrase, { cost }).save(key)),
    );
    const store = new FileKeyStore(path, passphrase);
    const kept = [await store.fingerprint(), ...await store.listRetired()];
    assert.deepEqual(kept.sort(), keys.map(fingerprintOf).sort());
  });
});

Deno.test({
  name: "warns of file modes that let others read or replace a key",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const path = `${folder}/gateway.key`;
      const warnings: string[] = [];
      const store = new FileKeyStore(path, passphrase, {
        cost,
        onWarning: (message) => warnings.push(message),
      });
      await store.save(key);
      await store.load();
      assert.deepEqual(warnings, []);
      await chmod(path, 0o640);
      await store.load();
      assert.match(
        warnings.pop()!,
        /gateway.key may be used by others.*got 640/,
      );
      await chmod(path, 0o600);
      await chmod(folder, 0o777);
      await store.load();
      assert.match(warnings.pop()!, /may be replaced by others.*got 777/);
      // As /tmp is: nobody replaces what is another's.
      await chmod(folder, 0o1777);
      await store.load();
      assert.deepEqual(warnings, []);
    }),
});

Deno.test("opens a key file that is a symbolic link and refuses to replace it", async () => {
  await inFolder(async (folder) => {
    const vault = new FileKeyStore(`${folder}/vault`, passphrase, { cost });
    await vault.save(key);
    await symlink(vault.path, `${folder}/gateway.key`);
    const store = new FileKeyStore(`${folder}/gateway.key`, passphrase, {
      cost,
    });
    assert.equal(
      (await store.load())?.publicKey.modulus,
      key.publicKey.modulus,
    );
    await assert.rejects(store.save(other), /got a symbolic link/);
    assert.equal(await vault.fingerprint(), key.publicKey.fingerprint);
  });
});
