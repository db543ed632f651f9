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
import type {
  EdgeStep,
  InferencePlan,
  InputSpec,
  PlanOutput,
  RoundLayout,
} from "./plan.ts";

/** Raised when the same model would get another contract. */
const contractVersion = 1;

/** An activation that a round reads. */
export interface ContractInput {
  /** Its name; "input" is the reading. */
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
  steps: EdgeStep[];
  /** Name of the activation that the steps produce. */
  writes: string;
}

/** What a gateway relies on. */
export interface Contract {
  /** How a reading becomes integers. */
  input: InputSpec;
  /** The rounds, decoys and label rounds included. */
  rounds: ContractRound[];
  /** The scores, or the label. */
  output: PlanOutput;
}

/**
 * The contract that a session's plan keeps.
 *
 * @param plan as the functions send it at session start
 */
export function contractOfPlan(plan: InferencePlan): Contract {
  return {
    input: plan.input,
    rounds: plan.rounds.map(({ layout, steps, writes }) => ({
      kind: layout.kind,
      ...readsAndGives(layout),
      steps,
      writes,
    })),
    output: plan.output,
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
export function contractDigest({ input, rounds, output }: Contract): string {
  const bytes = encode(
    [contractVersion, input, rounds, output],
    rfc8949EncodeOptions,
  );
  return `sha256:${bytesToHex(sha256(bytes))}`;
}
