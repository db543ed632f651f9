/** Sealed tokens: bytes from the gateway, and contents that some instance may have sealed. */
import { deepStrictEqual } from "node:assert/strict";
import { TokenSealer } from "../../../functions/rounds/sealed_token.ts";
import { sealingKey } from "../../support/gateway.ts";
import { damagedBytes } from "../bytes.ts";
import { fuzzedApp, nowMs } from "../fixtures.ts";
import { coded, type FuzzTarget, taken } from "../target.ts";
import { damagedTrees } from "../trees.ts";
import { walk } from "../walk.ts";

const declared = coded("token-altered", "token-mismatch", "token-expired");

export async function token(): Promise<FuzzTarget<Uint8Array>> {
  const samples = await tokens();
  const sealer = new TokenSealer(sealingKey);
  const genuine = new Set(samples.map(String));
  return {
    inputs: damagedBytes(samples),
    check(bytes) {
      const content = taken(declared, () => sealer.open(bytes, nowMs));
      if (content !== null && !genuine.has(String(bytes))) {
        throw new Error("A token was forged");
      }
    },
    quickCases: 1000,
  };
}

/** Made anew: tokens are only good for the version that sealed them. */
async function tokens(): Promise<Uint8Array[]> {
  const { rounds } = await walk(fuzzedApp());
  return rounds.map(({ request }) => request.token);
}

/** What is within a seal is checked too: a key may be shared with a later version. */
export async function tokenContent(): Promise<FuzzTarget<Uint8Array>> {
  const sealer = new TokenSealer(sealingKey);
  const contents = (await tokens()).map((bytes) => sealer.open(bytes, nowMs));
  return {
    inputs: damagedTrees(contents).map((tree) => sealer.seal(tree as never)),
    check(bytes) {
      const content = taken(declared, () => sealer.open(bytes, nowMs));
      if (content === null) return;
      const again = sealer.open(sealer.seal(content), nowMs);
      deepStrictEqual(again, content);
      deepStrictEqual(sealer.seal(again), sealer.seal(content));
    },
    quickCases: 1000,
  };
}
