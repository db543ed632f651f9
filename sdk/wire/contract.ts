/**
 * The contract of a model: what a gateway relies on, whatever the key length, the
 * batch, the shards or the sealing key.
 *
 * It holds how a reading becomes integers, the shapes that each round reads and
 * gives, the steps between rounds, and what the answer means. It leaves out how
 * values lie in plaintexts, which the cloud may choose anew for each session.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { encode, rfc8949EncodeOptions } from "cborg";
import { withStepVersions } from "./parts.ts";
import type { GatewayStep, InferencePlan, RoundLayout } from "./plan.ts";
import { interfaceOf, type ModelInterface } from "./values.ts";

/** Raised when the same model would get another contract. */
const contractVersion = 2;

/** An activation that a round reads. */
export interface ContractInput {
  /** Its name: an input's, or what an earlier round writes. */
  tensor: string;
  /** Its shape for one sample: [channels, height, width] or [length]. */
  shape: number[];
}

/** One round as a gateway relies on it. */
export interface ContractRound {
  /** How the round reads its inputs. */
  kind: RoundLayout["kind"];
  /** One for each term, in order. */
  inputs: ContractInput[];
  /** Shape of one sample's accumulators. */
  output: number[];
  /** Applied to the accumulators, in order. */
  steps: GatewayStep[];
  /** Name of the activation that the steps produce. */
  writes: string;
}

/** What a gateway relies on. */
export interface Contract extends ModelInterface {
  /** The rounds, decoys and label rounds included. */
  rounds: ContractRound[];
}

/**
 * The contract that a session's plan keeps.
 *
 * @param plan as the functions send it at session start
 */
export function contractOfPlan(plan: InferencePlan): Contract {
  return {
    ...interfaceOf(plan),
    rounds: plan.rounds.map(({ layout, steps, writes }) => ({
      kind: layout.kind,
      ...readsAndGives(layout),
      steps,
      writes,
    })),
  };
}

function readsAndGives(
  layout: RoundLayout,
): Pick<ContractRound, "inputs" | "output"> {
  return layout.kind === "spatial"
    ? {
      inputs: layout.inputs.map(({ tensor, shape }) => ({ tensor, shape })),
      output: [...layout.output],
    }
    : {
      inputs: layout.inputs.map(({ tensor, length }) => ({
        tensor,
        shape: [length],
      })),
      output: [layout.outputLength],
    };
}

/**
 * Identifies a contract: SHA-256 of its canonical CBOR (RFC 8949, section 4.2).
 *
 * @returns `sha256:` and 64 hexadecimal digits
 */
export function contractDigest({ rounds, ...rest }: Contract): string {
  const bytes = encode(
    [contractVersion, interfaceOf(rest), withStepVersions(rounds)],
    rfc8949EncodeOptions,
  );
  return `sha256:${bytesToHex(sha256(bytes))}`;
}
