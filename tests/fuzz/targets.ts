/** All targets, by the names that the command takes. */
import type { FuzzTarget } from "./target.ts";
import { answer } from "./targets/answer.ts";
import { idx, npy } from "./targets/arrays.ts";
import { privateJwk, publicJwk, queued, sealedKey } from "./targets/keys.ts";
import { http } from "./targets/http.ts";
import { modelPackage, planning, safetensors } from "./targets/package.ts";
import { onnx, passes } from "./targets/onnx.ts";
import { plan } from "./targets/plan.ts";
import { quantisation } from "./targets/quantisation.ts";
import { controlPlane, modelState, release } from "./targets/release.ts";
import { sealed } from "./targets/sealed.ts";
import { token, tokenContent } from "./targets/token.ts";
import * as wire from "./targets/wire.ts";

/** Makes a target; some make keys or sessions first. */
// deno-lint-ignore no-explicit-any -- inputs are the target's own affair
export type TargetMaker = () => FuzzTarget<any> | Promise<FuzzTarget<any>>;

export const targets: Readonly<Record<string, TargetMaker>> = {
  "session-request": wire.sessionRequest,
  "session-response": wire.sessionResponse,
  "round-request": wire.roundRequest,
  "round-response": wire.roundResponse,
  sealed,
  answer,
  plan,
  http,
  token,
  "token-content": tokenContent,
  safetensors,
  package: modelPackage,
  planning,
  release,
  "model-state": modelState,
  "control-plane": controlPlane,
  onnx,
  passes,
  npy,
  idx,
  quantisation,
  "public-jwk": publicJwk,
  "private-jwk": privateJwk,
  "sealed-key": sealedKey,
  queued,
};
