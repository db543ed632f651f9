/** Versions, uploads and activations, the same on every store. */
import assert from "node:assert/strict";
import { Deployments } from "../../../functions/models/deployments.ts";
import type { DeploymentLimits } from "../../../functions/models/model_state.ts";
import { OwnerKeys } from "../../../functions/models/owner_keys.ts";
import type { ObjectStore } from "../../../functions/stores/object_store.ts";
import { FolderObjectStore } from "../../../functions/stores/folder.ts";
import { S3ObjectStore } from "../../../functions/stores/s3.ts";
import { encodePackage } from "../../../models/package/package_bytes.ts";
import {
  encodeRelease,
  makeRelease,
  type Release,
  releaseId,
} from "../../../models/package/release.ts";
import {
  CipherlayerError,
  type ErrorCode,
} from "../../../sdk/support/errors.ts";
import { bucket, credentials, region, startS3 } from "../stores/s3_server.ts";
import { stores } from "../stores/stores.ts";
import {
  deploy,
  largeModel,
  owner,
  ownerKeys,
  releaseOf,
  secondOwner,
  send,
  smallModel,
  stranger,
  versionOf,
} from "./owner.ts";

let nowMs = 1_790_000_000_000;

function instance(
  store: ObjectStore,
  options: { limits?: Partial<DeploymentLimits>; keys?: OwnerKeys } = {},
): Deployments {
  const { limits, keys = ownerKeys } = options;
  return new Deployments({
    store,
    ownerKeys: keys,
    limits,
    clock: () => nowMs,
  });
}

async function refused(
  call: Promise<unknown>,
  code: ErrorCode,
  message: RegExp,
): Promise<void> {
  await assert.rejects(call, (error) => {
    assert(error instanceof CipherlayerError, `${error}`);
    assert.deepEqual([error.code, error.message.match(message)?.length], [
      code,
      1,
    ], error.message);
    return true;
  });
}

const name = "large";
const first = largeModel("1");
const second = largeModel("2", 2);

for (const [kind, open] of Object.entries(stores)) {
  Deno.test(`${kind}: an interrupted upload goes on with what is missing, and is served when activated, not before`, async () => {
    await using opened = await open();
    const here = instance(opened.store), elsewhere = instance(opened.again);
    const { chunks, id, signed } = await releaseOf(first);
    assert(chunks.size >= 3);
    const beginUpload = await here.begin(name, signed);
    assert.deepEqual(beginUpload.missing, [...chunks.keys()]);
    assert.equal(beginUpload.expiresAt, nowMs + 24 * 60 * 60 * 1000);
    const [sent, ...rest] = beginUpload.missing;
    await here.putChunk(name, id, sent, chunks.get(sent)!);
    // Another process, another owner's connection: it is the same upload.
    assert.deepEqual((await elsewhere.begin(name, signed)).missing, rest);
    await refused(
      elsewhere.commit(name, id),
      "upload-incomplete",
      /^Cannot store version 1: \d of \d chunks are missing$/,
    );
    for (const digest of rest) {
      await elsewhere.putChunk(name, id, digest, chunks.get(digest)!);
    }
    await refused(here.activate(name, "1"), "version-not-found", /version "1"/);
    await elsewhere.commit(name, id);
    await elsewhere.commit(name, id);
    assert.equal((await here.begin(name, signed)).stored, true);
    await refused(here.models.load(name), "model-not-found", /"large"/);
    assert.deepEqual(await here.models.list(), []);

    const status = await here.activate(name, "1");
    assert.deepEqual(status.active, { version: "1", sinceMs: nowMs });
    nowMs += 1001;
    for (const { models } of [here, elsewhere]) {
      const model = await models.load(name);
      assert.deepEqual(model.tensors, first.tensors);
      assert.deepEqual((await models.list()).map(({ version }) => version), [
        "1",
      ]);
    }
  });

  Deno.test(`${kind}: sessions keep their version; roll back, delete`, async () => {
    await using opened = await open();
    const first = smallModel("1"), second = smallModel("2", 2);
    const { name } = first.manifest;
    const here = instance(opened.store), elsewhere = instance(opened.again);
    await deploy(here, first);
    const began = await elsewhere.models.load(name, "1");
    await deploy(here, second);
    // At once where it was activated, within a second elsewhere.
    assert.equal((await here.models.load(name)).manifest.version, "2");
    assert.equal(
      (await elsewhere.models.load(name, "2")).manifest.version,
      "2",
    );
    assert.equal(await elsewhere.models.load(name, "1"), began);
    assert.equal((await here.models.load(name, "1")).manifest.version, "1");

    await refused(
      here.remove(name, "2"),
      "version-conflict",
      /version 2 is active: activate another, or withdraw the model, first$/,
    );
    assert.equal((await here.status(name)).previous, "1");
    await refused(
      here.rollBack(name, "3"),
      "version-conflict",
      /^Cannot roll back to version 3: 1 was active before$/,
    );
    // Asked for twice, as after an answer that was lost.
    for (let ask = 0; ask < 2; ask++) {
      const back = await elsewhere.rollBack(name, "1");
      assert.deepEqual([back.active?.version, back.previous], ["1", null]);
    }
    await refused(
      here.rollBack(name),
      "version-conflict",
      /no version was active before$/,
    );
    nowMs += 1001;
    assert.equal((await here.models.load(name)).manifest.version, "1");

    const left = await here.remove(name, "2");
    assert.deepEqual(left.versions.map(({ version }) => version), ["1"]);
    nowMs += 1001;
    for (const { models } of [here, elsewhere]) {
      await refused(
        models.load(name, "2"),
        "model-changed",
        /version 2 of model small is no longer stored; start a new session$/,
      );
    }
    await refused(here.activate(name, "2"), "version-not-found", /"2"/);
    // Nothing of it is left, and it may come again.
    assert.equal((await opened.store.list("releases/")).size, 3);
    await deploy(here, second);
    assert.equal((await here.models.load(name)).manifest.version, "2");
  });

  Deno.test(`${kind}: the last version is withdrawn: sessions go on until it is deleted, new ones get none`, async () => {
    await using opened = await open();
    const model = smallModel("1");
    const { name } = model.manifest;
    const here = instance(opened.store), elsewhere = instance(opened.again);
    await deploy(here, model);
    await elsewhere.models.load(name);
    for (let ask = 0; ask < 2; ask++) {
      const withdrawn = await here.withdraw(name);
      assert.deepEqual([withdrawn.active, withdrawn.previous], [null, "1"]);
    }
    nowMs += 1001;
    for (const { models } of [here, elsewhere]) {
      await refused(models.load(name), "model-not-found", /small/);
      assert.deepEqual(await models.list(), []);
      assert.equal((await models.load(name, "1")).manifest.version, "1");
    }
    await here.rollBack(name);
    assert.equal((await here.models.load(name)).manifest.version, "1");
    await elsewhere.withdraw(name);
    await here.remove(name, "1");
    nowMs += 1001;
    for (const { models } of [here, elsewhere]) {
      await refused(models.load(name, "1"), "model-not-found", /small/);
      assert.deepEqual(await models.list(), []);
    }
    await deploy(here, model);
    nowMs += 1001;
    assert.equal((await elsewhere.models.load(name)).manifest.version, "1");
  });

  Deno.test(`${kind}: what the store gives back altered or not at all is never served, and can be sent again`, async () => {
    await using opened = await open();
    const { store } = opened;
    const first = smallModel("1"), second = smallModel("2", 2);
    const { name } = first.manifest;
    const here = instance(store);
    await deploy(here, first);
    const upload = await releaseOf(second);
    await send(here, upload);
    const { uploads } = await here.status(name);
    assert.deepEqual(uploads.map(({ id }) => id), [upload.id]);
    const keys = [...(await store.list(`releases/${name}/`)).keys()];
    const chunkKey = (digest: string) =>
      keys.find((key) => key.endsWith(digest))!;
    const [some, other] = [...upload.chunks.keys()];
    const altered = upload.chunks.get(some)!.slice();
    altered[altered.length - 1] ^= 1;
    await store.put(chunkKey(some), altered);
    await refused(
      here.commit(name, upload.id),
      "checksum-mismatch",
      /^Cannot read release: chunk [0-9a-f]{64} is altered$/,
    );
    assert.deepEqual((await here.begin(name, upload.signed)).missing, [some]);
    await send(here, upload);
    await here.commit(name, upload.id);

    await store.put(chunkKey(some), altered);
    await refused(here.activate(name, "2"), "checksum-mismatch", /altered$/);
    await refused(
      instance(opened.again).models.load(name, "2"),
      "server-fault",
      /^Cannot load version 2 of model small: the store does not give back what an owner signed$/,
    );
    await store.put(chunkKey(some), upload.chunks.get(some)!);
    await store.delete(chunkKey(other));
    await refused(here.activate(name, "2"), "upload-incomplete", /is missing$/);
    assert.equal((await here.models.load(name)).manifest.version, "1");

    // Also by who can write to the store, but does not hold an owner's key.
    const forged = await releaseOf(first, stranger);
    const signedKey = keys.find((key) => key.endsWith("signed"))!;
    for (const key of keys.filter((key) => key.endsWith("signed"))) {
      await store.put(key, new TextEncoder().encode(forged.signed));
    }
    assert(signedKey);
    await refused(
      instance(opened.again).models.load(name),
      "server-fault",
      /what an owner signed$/,
    );
    assert.deepEqual(await instance(opened.again).models.list(), []);
  });

  Deno.test(`${kind}: owners at the same time`, async () => {
    await using opened = await open();
    const instances = [instance(opened.store), instance(opened.again)];
    const base = smallModel("1");
    const { name } = base.manifest;
    const versions = ["1", "2", "3", "4"].map((v) => versionOf(base, v));
    await Promise.all(
      versions.map((model, i) =>
        deploy(instances[i % 2], model, [owner, secondOwner][i % 2])
      ),
    );
    nowMs += 1001;
    const status = await instances[0].status(name);
    assert.deepEqual(status.versions.map(({ version }) => version).sort(), [
      "1",
      "2",
      "3",
      "4",
    ]);
    const active = status.active!.version;
    for (const { models } of instances) {
      assert.equal((await models.load(name)).manifest.version, active);
      for (const { manifest } of versions) {
        const model = await models.load(name, manifest.version);
        assert.equal(model.manifest.version, manifest.version);
      }
    }
    // The same package by both owners is one version.
    const again = versionOf(base, "5");
    await Promise.all([
      deploy(instances[0], again, owner),
      deploy(instances[1], again, secondOwner),
    ]);
    assert.equal((await instances[0].status(name)).versions.length, 5);
    // Activated and deleted at once: whichever comes first, what is active is there.
    for (const version of ["1", "2", "3"]) {
      await Promise.allSettled([
        instances[0].activate(name, version),
        instances[1].remove(name, version),
      ]);
      nowMs += 1001;
      const { active, versions } = await instances[1].status(name);
      assert(
        versions.some((storeRelease) =>
          storeRelease.version === active?.version
        ),
      );
      await instances[1].models.load(name);
    }
  });
}

/** On a store that is quick to make. */
async function withStore(
  test: (store: ObjectStore) => Promise<void>,
): Promise<void> {
  await using opened = await stores.folder();
  await test(opened.store);
}

Deno.test("refuses releases of an unknown owner, signature, form or name", () =>
  withStore(async (store) => {
    const here = instance(store);
    const { signed } = await releaseOf(first);
    const [header, payload, signature] = signed.split(".");
    const other = (await releaseOf(second)).signed.split(".");
    await refused(
      here.begin(name, (await releaseOf(first, stranger)).signed),
      "signature-rejected",
      /^Cannot accept release: its key "[\w-]{43}" is not one of the owners' keys$/,
    );
    const misfits = [
      [header, other[1], signature],
      [header, payload, other[2]],
      // A stranger's signature under an owner's name.
      [
        header,
        payload,
        (await releaseOf(first, stranger)).signed.split(".")[2],
      ],
    ];
    for (const parts of misfits) {
      await refused(
        here.begin(name, parts.join(".")),
        "signature-rejected",
        /the signature does not fit what it signs$/,
      );
    }
    const none = btoa(JSON.stringify({
      alg: "none",
      typ: "cipherlayer-release",
      kid: owner.publicKey,
    })).replaceAll("=", "");
    for (const text of ["", "a.b", `${none}.${payload}.`, payload, "{}"]) {
      await refused(
        here.begin(name, text),
        "malformed",
        /expected a signature by Ed25519 in JWS compact form$/,
      );
    }
    await refused(
      here.begin("other", signed),
      "malformed",
      /expected one of model other, got large$/,
    );
    await refused(
      here.begin(name, "x".repeat(2 ** 18 + 1)),
      "body-too-large",
      /expected at most 262144 bytes, got 262145$/,
    );
    assert.deepEqual(await here.list(() => true), []);
    assert.equal((await store.list("releases/")).size, 0);
  }));

Deno.test("refuses chunks that are altered, truncated, of another release or without an upload", () =>
  withStore(async (store) => {
    const here = instance(store);
    const { chunks, id, signed } = await releaseOf(first);
    const [[digest, chunk]] = chunks;
    await refused(
      here.putChunk(name, id, digest, chunk),
      "version-not-found",
      /there is none; begin it$/,
    );
    await here.begin(name, signed);
    const altered = chunk.slice();
    altered[100] ^= 128;
    await refused(
      here.putChunk(name, id, digest, altered),
      "checksum-mismatch",
      /^Cannot take chunk: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}$/,
    );
    await refused(
      here.putChunk(name, id, digest, chunk.subarray(1)),
      "checksum-mismatch",
      /^Cannot take chunk: expected \d+ bytes, got \d+$/,
    );
    await refused(
      here.putChunk(name, id, "0".repeat(64), chunk),
      "checksum-mismatch",
      /the release has no chunk 0{64}$/,
    );
    assert.equal((await here.begin(name, signed)).missing.length, chunks.size);
  }));

Deno.test("packages that an owner signed but that are not sound are never served", () =>
  withStore(async (store) => {
    const here = instance(store);
    const first = smallModel("1");
    const { name } = first.manifest;
    const files = encodePackage(first);
    const weights = files.get("weights.safetensors")!;
    const manifest = new TextDecoder().decode(files.get("manifest.json"));
    const text = (content: string) => new TextEncoder().encode(content);
    /** Signed as it is: what `makeRelease` would refuse. */
    const unsound = async (
      changed: Record<string, Uint8Array | null>,
      alter: (release: Release) => void = () => {},
    ) => {
      const { release, chunks } = makeRelease(files);
      const whole = new Map(files);
      for (const [file, bytes] of Object.entries(changed)) {
        if (bytes) whole.set(file, bytes);
        else whole.delete(file);
      }
      release.files = [];
      for (const [file, bytes] of whole) {
        const digests: string[] = [];
        for (let at = 0; at < bytes.length; at += 2 ** 20) {
          const chunk = bytes.subarray(at, at + 2 ** 20);
          digests.push(releaseId(chunk));
          chunks.set(digests.at(-1)!, chunk);
        }
        release.files.push({
          name: file,
          bytes: bytes.length,
          chunks: digests,
        });
      }
      alter(release);
      const id = releaseId(encodeRelease(release));
      return { release, chunks, id, signed: await owner.sign(release) };
    };
    const cases: [
      Awaited<ReturnType<typeof unsound>>,
      ErrorCode,
      RegExp,
    ][] = [
      [
        await unsound({ "weights.safetensors": weights.subarray(0, 100) }),
        "malformed",
        /expected "weights.safetensors" with SHA-256 \w+, got \w+$/,
      ],
      [
        await unsound({
          "manifest.json": text(manifest.replace(/"bound": \d+/, '"bound": 1')),
        }),
        "malformed",
        /expected a bound of \d+ or more, got 1$/,
      ],
      [
        await unsound({ "manifest.json": text(manifest.slice(0, 500)) }),
        "malformed",
        /expected manifest.json in JSON$/,
      ],
      [
        await unsound({ "weights.safetensors": null }),
        "malformed",
        /file "weights.safetensors" is missing$/,
      ],
      [
        await unsound({}, (release) => release.version = "9"),
        "malformed",
        /expected package small 9, got small 1$/,
      ],
    ];
    for (const [upload, code, message] of cases) {
      await send(here, upload);
      await refused(here.commit(name, upload.id), code, message);
      await refused(here.activate(name, "1"), "version-not-found", /"1"/);
      await refused(here.models.load(name), "model-not-found", /small/);
    }
    const misstated: [(release: Release) => void, ErrorCode, RegExp][] = [
      [
        ({ files }) => files[1].bytes += 2 ** 20,
        "malformed",
        /expected \d chunks of "weights.safetensors" \(\d+ bytes\), got \d$/,
      ],
      [
        ({ files }) => files[1].bytes = 2 ** 40,
        "malformed",
        /release.files\[1\].bytes to be an integer in \[0, 268435456\]/,
      ],
      [({ files }) => files[0].name = "../a", "malformed", /"..\/a" is not/],
      [(release) => release.version = "a/b", "malformed", /got "a\/b"$/],
      [
        ({ files }) => files[0].chunks[0] = "x",
        "malformed",
        /digests of chunks of "manifest.json"/,
      ],
    ];
    for (const [alter, code, message] of misstated) {
      const { signed } = await unsound({}, alter);
      await refused(here.begin(name, signed), code, message);
    }
    // One byte less than the chunk has: its digest fits, its length does not.
    const short = await unsound({}, ({ files }) => files[1].bytes -= 1);
    await refused(
      send(here, short),
      "checksum-mismatch",
      /^Cannot take chunk: expected \d+ bytes, got \d+$/,
    );
  }));

Deno.test("removes abandoned uploads, limits their number and replaces no version", () =>
  withStore(async (store) => {
    const here = instance(store, { limits: { uploads: 2, releases: 3 } });
    const { name } = smallModel("1").manifest;
    const upload = (version: string, seed = 1) =>
      releaseOf(smallModel(version, seed));
    const abandoned = await upload("1");
    await send(here, abandoned);
    nowMs += 24 * 60 * 60 * 1000 - 1;
    await here.begin(name, (await upload("2")).signed);
    await refused(
      here.begin(name, (await upload("3")).signed),
      "version-conflict",
      /expected at most 2 uploads under way$/,
    );
    nowMs += 2;
    await here.begin(name, (await upload("3")).signed);
    await refused(
      here.commit(name, abandoned.id),
      "version-not-found",
      /there is none; begin it$/,
    );
    const { uploads } = await here.status(name);
    assert.deepEqual(uploads.map(({ version }) => version), ["2", "3"]);
    assert.equal((await store.list("releases/")).size, 2);

    await send(here, await upload("2"));
    await here.commit(name, (await upload("2")).id);
    const other = await upload("2", 5);
    await refused(
      here.begin(name, other.signed),
      "version-conflict",
      /version 2 is there with other content$/,
    );
    await here.begin(name, (await upload("4")).signed);
    await refused(
      here.begin(name, (await upload("5")).signed),
      "version-conflict",
      /expected at most 2 uploads under way$/,
    );
    await send(here, await upload("3"));
    await here.commit(name, (await upload("3")).id);
    await refused(
      here.begin(name, (await upload("5")).signed),
      "version-conflict",
      /expected at most 3 versions: delete some$/,
    );
    const left = await here.remove(name, "4");
    assert.deepEqual(left.uploads, []);
    await here.begin(name, (await upload("5")).signed);
    nowMs += 24 * 60 * 60 * 1000 + 1;
    const [listed] = await here.list(() => true);
    assert.deepEqual(listed.uploads, []);
    // Two versions, each a signed release with two chunks.
    assert.equal((await store.list("releases/")).size, 6);
  }));

Deno.test("a sound package that gateways would refuse is not stored, and the reason is told", () =>
  withStore(async (store) => {
    const here = instance(store);
    const model = smallModel("1");
    const { rounds, name } = model.manifest;
    rounds[rounds.length - 1].bound = 1.5 * 2 ** 52;
    const upload = await releaseOf(model);
    await send(here, upload);
    await refused(
      here.commit(name, upload.id),
      "malformed",
      /gateways would refuse it: Cannot plan round/,
    );
    assert.deepEqual((await here.status(name)).versions, []);
  }));

Deno.test("serves nothing of an owner whose key was removed, until another owner deploys it", () =>
  withStore(async (store) => {
    const first = smallModel("1");
    const { name } = first.manifest;
    await deploy(instance(store), first, secondOwner);
    const keys = new OwnerKeys([owner.publicKey]);
    const later = instance(store, { keys });
    await refused(later.models.load(name), "server-fault", /owner signed$/);
    await refused(
      later.activate(name, "1"),
      "signature-rejected",
      /its key "[\w-]{43}" is not one of the owners' keys$/,
    );
    await deploy(later, first, owner);
    assert.equal((await later.models.load(name)).manifest.version, "1");
    assert.throws(
      () => new OwnerKeys(["abc"]),
      /^RangeError: Cannot use owner's key "abc": expected the 32 bytes/,
    );
  }));

Deno.test("serves the old version while the store is full or out of reach", async () => {
  await using server = startS3();
  const store = new S3ObjectStore({
    ...credentials,
    region,
    bucket,
    endpoint: server.endpoint,
  });
  const first = smallModel("1"), second = smallModel("2", 2);
  const { name } = first.manifest;
  const here = instance(store);
  await deploy(here, first);
  await here.models.load(name);
  const upload = await releaseOf(second);
  server.full = true;
  await refused(
    here.begin(name, upload.signed),
    "server-fault",
    /cannot write models\/small: status 507 InsufficientStorage$/,
  );
  server.full = false;
  await send(here, upload);
  server.full = true;
  await refused(here.commit(name, upload.id), "server-fault", /status 507/);
  server.full = false;
  await here.commit(name, upload.id);
  server.full = true;
  await refused(here.activate(name, "2"), "server-fault", /status 507/);
  await refused(here.remove(name, "2"), "server-fault", /status 507/);
  nowMs += 1001;
  for (const { models } of [here, instance(store)]) {
    assert.equal((await models.load(name)).manifest.version, "1");
    assert.deepEqual((await models.load(name, "2")).tensors, second.tensors);
  }
  await server[Symbol.asyncDispose]();
  nowMs += 1001;
  assert.equal((await here.models.load(name)).manifest.version, "1");
  assert.equal((await here.models.load(name, "2")).manifest.version, "2");
});

Deno.test("treats a store that was emptied under the server as away", async () => {
  const folder = await Deno.makeTempDir();
  const store = new FolderObjectStore(`${folder}/store`);
  const deployments = instance(store);
  const model = smallModel("1");
  await deploy(deployments, model);
  const { name } = model.manifest;
  await deployments.models.load(name);
  await Deno.rename(`${folder}/store`, `${folder}/away`);
  nowMs += 10_000;
  assert.equal((await deployments.models.load(name)).manifest.version, "1");
  await assert.rejects(deployments.models.list(), {
    code: "server-fault",
    retryable: true,
  });
  await Deno.rename(`${folder}/away`, `${folder}/store`);
  nowMs += 10_000;
  assert.equal((await deployments.models.list()).length, 1);
  await Deno.remove(folder, { recursive: true });
});
