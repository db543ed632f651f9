/**
 * What may befall a request on its way, and which request is to meet what.
 *
 * @module
 */
import { seededUnit } from "../shared/seeded.ts";

/**
 * - `reset`: both connections are reset in the middle of the body;
 * - `half-close`: one direction ends in the middle of the body, the other stays open;
 * - `stall`: the rest of the body never comes, the connection stays open;
 * - `trickle`: the rest of the body comes in small pieces;
 * - `garble`: one bit of the body is another.
 */
export const connectionFaultKinds = [
  "reset",
  "half-close",
  "stall",
  "trickle",
  "garble",
] as const;

export type ConnectionFaultKind = typeof connectionFaultKinds[number];

/** `up`: the request's body; `down`: the answer's. */
export type Direction = "up" | "down";

export interface ConnectionFault {
  kind: ConnectionFaultKind;
  direction: Direction;
  /** Where in the body, from 0 to below 1. */
  at: number;
}

/** The fault of each request, in the order in which requests come; null: none. */
export type FaultSource = () => ConnectionFault | null;

/**
 * Faults drawn at random, the same for the same seed.
 *
 * @param share of requests that meet one, from 0 to 1
 */
export function randomFaults(seed: number, share: number): FaultSource {
  const unit = seededUnit(seed);
  return () => {
    // Always four draws, so that the share does not shift what follows.
    const [chance, kind, direction, at] = [unit(), unit(), unit(), unit()];
    if (chance >= share) return null;
    return {
      kind:
        connectionFaultKinds[Math.floor(kind * connectionFaultKinds.length)],
      direction: direction < 0.5 ? "up" : "down",
      at,
    };
  };
}
