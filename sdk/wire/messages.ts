/**
 * Bodies of the data plane (PROTOCOL.md has the CDDL). All are CBOR.
 *
 * @module
 */
import type { InferencePlan } from "./plan.ts";

/** POST /v1/sessions */
export interface SessionRequest {
  /** Name of the model. */
  model: string;
  /** The public key N, big-endian, exactly modulusBits/8 bytes. */
  modulus: Uint8Array;
  /** Key proof: 8 N-th roots, each modulusBits/8 bytes. */
  proof: Uint8Array[];
  /** Samples per inference. */
  samples: number;
}

/** Answer of POST /v1/sessions */
export interface SessionResponse {
  /** Name of the model. */
  model: string;
  /** Its version, to which the tokens are bound. */
  version: string;
  /** Token that opens round 0 of any number of inferences until it expires. */
  token: Uint8Array;
  /** Milliseconds since 1970. */
  expiresAt: number;
  /** Where every value lies, and what the gateway does between rounds. */
  plan: InferencePlan;
}

/** POST /v1/rounds/{index}?shard={i}/{k} */
export interface RoundRequest {
  /** From the session start (round 0) or the round before. */
  token: Uint8Array;
  /** Ciphertexts one after another, each 2*modulusBits/8 bytes, big-endian. */
  ciphertexts: Uint8Array;
}

/** Answer of POST /v1/rounds/{index} */
export interface RoundResponse {
  /** Token for the next round; equal in all shards. Empty after the last round. */
  token: Uint8Array;
  /** Answers of this shard, in order; shards are contiguous ranges of answers. */
  ciphertexts: Uint8Array;
}

/**
 * One model of GET /v1/models, JSON.
 *
 * @example
 * ```ts
 * import type { ModelInfo } from "@cipherlayer/sdk";
 *
 * const tell = ({ name, contract }: ModelInfo) => `${name} keeps ${contract}`;
 * console.log(typeof tell); // (await listModels(url)).map(tell)
 * ```
 */
export interface ModelInfo {
  /** What `connect` takes as `model`. */
  name: string;
  /** The version that new sessions get. */
  version: string;
  /** What it takes: names and shapes, row-major. */
  inputs: ModelValues[];
  /** What it gives. */
  outputs: ModelValues[];
  /** What `connect` takes as `contract`: `sha256:` and 64 hexadecimal digits. */
  contract: string;
}

/**
 * An input or output of a model, as {@linkcode ModelInfo} tells it.
 *
 * @example
 * ```ts
 * import type { ModelValues } from "@cipherlayer/sdk";
 *
 * const tell = ({ name, shape }: ModelValues) => `${name}: ${shape.join(" x ")}`;
 * if (tell({ name: "room", shape: [5], labels: null, units: null }) !== "room: 5") throw new Error("wrong");
 * ```
 */
export interface ModelValues {
  /** What programs call it. */
  name: string;
  /** Extents for one reading. */
  shape: number[];
  /** Names of its elements or channels, of classes say; or null. */
  labels: string[] | null;
  /** Units: one for all, one a channel or one an element; or null. */
  units: string[] | null;
}

/**
 * Answers that shard `index` of `count` evaluates: [from, to) of `answers`.
 *
 * @example
 * ```ts
 * import { shardRange } from "./messages.ts";
 *
 * if (shardRange(5, 1, 2).join() !== "2,5") throw new Error("wrong range");
 * ```
 */
export function shardRange(
  answers: number,
  index: number,
  count: number,
): [from: number, to: number] {
  return [
    Math.floor(answers * index / count),
    Math.floor(answers * (index + 1) / count),
  ];
}
