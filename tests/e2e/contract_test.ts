/**
 * A gateway holds a cloud to one contract, over every session.
 *
 * @module
 */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { manifestContract } from "../../models/protections/contract.ts";
import { MemoryBlobStore } from "../../sdk/blobs/blob_store.ts";
import { SealedKeyStore } from "../../sdk/keys/key_store_sealed.ts";
import type { ContractChange } from "../../sdk/session/contract_keeper.ts";
import type { ConnectOptions } from "../../sdk/session/session_options.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  decodeSessionResponse,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import { contentDigest } from "../../sdk/wire/content_digest.ts";
import type { SessionResponse } from "../../sdk/wire/messages.ts";
import { expired, startCloud } from "../support/cloud.ts";
import { key, model, open, reading } from "../support/tiny_session.ts";

const contract = manifestContract(model.manifest);

function isChanged(error: unknown): boolean {
  if (!(error instanceof CipherlayerError)) return false;
  equal(error.code, "contract-changed");
  equal(error.retryable, false);
  match(error.message, /expected contract sha256:.*got sha256:/);
  return true;
}

Deno.test("a pinned contract admits its model and refuses another", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url, { contract });
  equal(session.contract, contract);
  const other = contract.replace(/.$/, (digit) => digit === "0" ? "1" : "0");
  await rejects(open(cloud.url, { contract: other }), isChanged);
  await rejects(open(cloud.url, { contract: "lenet" }), TypeError);
});

async function sessionReply(opened: SessionResponse): Promise<Response> {
  const body = new Uint8Array(encodeSessionResponse(opened));
  return new Response(body, {
    headers: {
      "content-type": "application/cbor",
      "content-digest": await contentDigest(body),
    },
  });
}

/** A cloud that states a smaller range of readings, and ends sessions, once it is spoilt. */
function spoilable() {
  const cloud = { isSpoilt: false, fetch: globalThis.fetch };
  cloud.fetch = async (target, init) => {
    if (cloud.isSpoilt && !`${target}`.endsWith("/sessions")) {
      return expired();
    }
    const reply = await fetch(target, init);
    if (!cloud.isSpoilt) return reply;
    const opened = decodeSessionResponse(await reply.bytes());
    opened.plan.inputs[0].high--;
    return await sessionReply(opened);
  };
  return cloud;
}

Deno.test("a renewed session refuses a range of readings that the first did not have", async () => {
  await using cloud = startCloud([model]);
  const hostile = spoilable();
  await using session = await open(cloud.url, { fetch: hostile.fetch });
  await session.infer(reading);
  hostile.isSpoilt = true;
  await rejects(session.infer(reading), isChanged);
});

Deno.test("the contract of the first use is remembered beside the key", async () => {
  await using cloud = startCloud([model]);
  const hostile = spoilable();
  const blobs = new MemoryBlobStore();
  const keyStore = () =>
    new SealedKeyStore(blobs, "a passphrase", { cost: 1 << 10 });
  await keyStore().save(key);
  const reopen = async (options: Partial<ConnectOptions> = {}) => {
    await using session = await open(cloud.url, {
      keys: keyStore(),
      fetch: hostile.fetch,
      ...options,
    });
    return session.contract;
  };
  equal(await reopen(), contract);
  hostile.isSpoilt = true;
  await rejects(reopen(), isChanged);
  await rejects(reopen({ onContractChange: () => false }), isChanged);
  deepEqual(await keyStore().listRetired(), []);

  // The application looks at what has changed, and accepts it for good.
  const changes: ContractChange[] = [];
  const accepted = await reopen({
    onContractChange: (change) => changes.push(change) > 0,
  });
  equal(changes.length, 1);
  equal(changes[0].model, model.manifest.name);
  equal(changes[0].expected, contract);
  equal(changes[0].contract, accepted);
  equal(changes[0].plan.inputs[0].high, model.manifest.inputs[0].high - 1);
  equal(await reopen(), accepted);
  hostile.isSpoilt = false;
  await rejects(reopen(), isChanged);
  // A pinned contract is the application's own word, and nobody is asked.
  await rejects(
    reopen({ contract: accepted, onContractChange: () => true }),
    isChanged,
  );
  equal(await reopen({ contract }), contract);
});

/** Blobs whose first two readers of a contract see what there is before either goes on. */
class MeetingBlobs extends MemoryBlobStore {
  readonly #met = Promise.withResolvers<void>();
  #readers = 0;

  override async read(name: string) {
    const blob = await super.read(name);
    if (!name.includes("contract")) return blob;
    if (++this.#readers === 2) this.#met.resolve();
    await this.#met.promise;
    return blob;
  }
}

Deno.test("of two simultaneous first uses under two contracts one is accepted", async () => {
  await using cloud = startCloud([model]);
  const hostile = spoilable();
  hostile.isSpoilt = true;
  const keys = new SealedKeyStore(new MeetingBlobs(), "a passphrase", {
    cost: 1 << 10,
  });
  await keys.save(key);
  const both = await Promise.allSettled([
    open(cloud.url, { keys }),
    open(cloud.url, { keys, fetch: hostile.fetch }),
  ]);
  const letIn = both.filter((outcome) => outcome.status === "fulfilled");
  const refused = both.filter((outcome) => outcome.status === "rejected");
  equal(refused.length, 1);
  equal(isChanged(refused[0].reason), true);
  await using session = letIn[0].value;
  equal(await keys.contracts.read(session.model), session.contract);
});

Deno.test("refuses a session of another model than requested", async () => {
  await using cloud = startCloud([model]);
  const renaming: typeof fetch = async (target, init) => {
    const opened = decodeSessionResponse(
      await (await fetch(target, init)).bytes(),
    );
    return await sessionReply({ ...opened, model: "other" });
  };
  await rejects(open(cloud.url, { fetch: renaming }), {
    name: "CipherlayerError",
    code: "malformed",
    message: /expected a session of model .*, got one of "other"/,
  });
});

Deno.test("refuses every contract while the remembered one is damaged", async () => {
  await using cloud = startCloud([model]);
  const blobs = new MemoryBlobStore();
  const keys = new SealedKeyStore(blobs, "a passphrase", { cost: 1 << 10 });
  await keys.save(key);
  await (await open(cloud.url, { keys })).close();
  const name = (await blobs.list()).find((name) => name.includes("contract"))!;
  for (const text of ["", "{}", '{"model":"other"}', "sha256:00"]) {
    await blobs.write(name, new TextEncoder().encode(text));
    await rejects(open(cloud.url, { keys }), {
      name: "CipherlayerError",
      code: "key-corrupt",
      message: /Cannot read the contract of model/,
    });
  }
});
