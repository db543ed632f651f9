/** What owners upload: releases, and the calls of the control plane in any order. */
import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createApp } from "../../../functions/app.ts";
import { Deployments } from "../../../functions/models/deployments.ts";
import { decodeState } from "../../../functions/models/model_state.ts";
import { KvObjectStore } from "../../../functions/stores/kv.ts";
import {
  decodeRelease,
  encodeRelease,
} from "../../../models/package/release.ts";
import { sealingKey } from "../../support/gateway.ts";
import {
  deploy,
  owner,
  ownerKeys,
  releaseOf,
  smallModel,
} from "../../functions/models/owner.ts";
import { damagedBytes } from "../bytes.ts";
import { nowMs } from "../fixtures.ts";
import {
  coded,
  type Declared,
  type FuzzTarget,
  taken,
  takenLater,
} from "../target.ts";
import { damagedTrees, type Tree } from "../trees.ts";
import { checkAnswer } from "./http.ts";

const json = (tree: Tree) => new TextEncoder().encode(JSON.stringify(tree));

export async function release(): Promise<FuzzTarget<Uint8Array>> {
  const { release } = await releaseOf(smallModel("1"));
  return {
    inputs: fc.oneof(
      damagedBytes([encodeRelease(release)]),
      damagedTrees([release]).map(json),
    ),
    check(bytes) {
      const release = taken(
        coded("malformed", "body-too-large"),
        () => decodeRelease(bytes),
      );
      if (release === null) return;
      deepStrictEqual(decodeRelease(encodeRelease(release)), release);
    },
    quickCases: 800,
  };
}

/** A model's state as a store gives it back. */
export function modelState(): FuzzTarget<Uint8Array> {
  const id = "0".repeat(64);
  const release = { id, place: "1", version: "1", bytes: 9, sinceMs: nowMs };
  const state = {
    releases: [{ ...release, stage: "stored" }],
    active: { id, sinceMs: nowMs },
    earlier: [id],
  };
  const declared: Declared = ({ constructor, message }) =>
    constructor === Error && /^Cannot read a model's state: /.test(message);
  return {
    inputs: fc.oneof(
      damagedBytes([json(state)]),
      damagedTrees([state]).map(json),
    ),
    check(bytes) {
      const state = taken(declared, () => decodeState(bytes));
      if (state === null) return;
      const again = decodeState(json(state as unknown as Tree));
      deepStrictEqual(again, state);
    },
    quickCases: 800,
  };
}

type Call =
  | { kind: "begin"; release: Tree }
  | { kind: "beginBytes"; signed: Uint8Array<ArrayBuffer> }
  | { kind: "chunk"; of: number; bytes: Uint8Array<ArrayBuffer> | null }
  | { kind: "other"; method: string; path: string };

/** Uploads of damaged releases and chunks: what is served stays whole. */
export async function controlPlane(): Promise<FuzzTarget<Call[]>> {
  const store = new KvObjectStore(await Deno.openKv(":memory:"));
  const deployments = new Deployments({
    store,
    ownerKeys,
    clock: () => nowMs,
  });
  const first = smallModel("1");
  await deploy(deployments, first);
  const next = await releaseOf(smallModel("2", 2));
  const digests = [...next.chunks.keys()];
  const principal = {
    account: "owner",
    roles: ["client", "owner"],
    models: "all",
  } as const;
  const app = createApp({
    models: deployments.models,
    deployments,
    sealingKey,
    access: { identify: () => Promise.resolve(principal) },
  });
  const text = (value: string) => new TextEncoder().encode(value);
  const path = fc.constantFrom(
    ...["/small", "/small/rollback", "/small/versions/1", "/small/versions/2"],
    ...["/small/versions/1/activate", "/small/versions/2/activate", "", "/"],
    ...["/none", "/..%2f..", "/%00/uploads", "/__proto__/rollback"],
    ...[`/small/uploads/${next.id}/commit`, "/small/uploads/0/commit"],
  );
  const call: fc.Arbitrary<Call> = fc.oneof(
    fc.record({
      kind: fc.constant("begin" as const),
      release: damagedTrees([next.release]),
    }),
    fc.record({
      kind: fc.constant("beginBytes" as const),
      signed: damagedBytes([text(next.signed)]),
    }),
    fc.record({
      kind: fc.constant("chunk" as const),
      of: fc.nat(digests.length - 1),
      bytes: fc.option(damagedBytes([...next.chunks.values()])),
    }),
    fc.record({
      kind: fc.constant("other" as const),
      method: fc.constantFrom("GET", "POST", "PUT", "DELETE"),
      path,
    }),
  );
  const send = async (method: string, path: string, body?: BodyInit) => {
    const url = `http://functions/v1/admin/models${path}`;
    await checkAnswer(await app.request(url, { method, body }));
  };
  return {
    inputs: fc.array(call, { minLength: 1, maxLength: 8 }),
    async check(calls) {
      for (const call of calls) {
        if (call.kind === "begin") {
          const signed = await owner.sign(call.release as never);
          await send("POST", "/small/uploads", signed);
        } else if (call.kind === "beginBytes") {
          await send("POST", "/small/uploads", call.signed);
        } else if (call.kind === "chunk") {
          const digest = digests[call.of];
          const bytes = call.bytes ?? next.chunks.get(digest)!;
          const path = `/small/uploads/${next.id}/chunks/${digest}`;
          await send("PUT", path, bytes as Uint8Array<ArrayBuffer>);
        } else await send(call.method, call.path);
      }
      const served = await takenLater(
        coded("model-not-found"),
        () => deployments.models.load("small"),
      );
      const genuine = [first, smallModel("2", 2)].find(({ manifest }) =>
        manifest.version === served?.manifest.version
      );
      if (served) deepStrictEqual(served.tensors, genuine?.tensors);
    },
    quickCases: 100,
  };
}
