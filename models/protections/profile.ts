/**
 * What each privacy profile adds to a model.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { Manifest } from "../package/format.ts";

/** What the functions do against clients that read weights out of answers. */
export interface Protections {
  /** Outputs leave in a fresh order for each request, where the next round can undo it. */
  channelOrder: boolean;
  /**
   * Most that noise moves an accumulator of a hidden round (a whole pooling window
   * of them together), as a share of the activation's rounding step.
   */
  disturbance: number;
  /** Channels of hidden rounds that the next round ignores, as a share of the real ones. */
  hiddenDecoys: number;
  /**
   * Decoys among the scores: `random` rows that lose by their bias, as the paper
   * adds them, or `convex` combinations of real rows.
   */
  scoreDecoys: "none" | "random" | "convex";
  /**
   * What the gateway sees of the scores: `plain` integers; `blinded`, all under one
   * random scale and shift; `compared`, each pair's difference under a random
   * scale and sign for each.
   */
  scores: "plain" | "blinded" | "compared";
  /** The label is given to selectors of sum 1 alone. */
  selectorCheck: boolean;
  /** Tokens of the rounds behind the scores are good for one request. */
  singleUse: boolean;
}

const none: Protections = {
  channelOrder: false,
  disturbance: 0,
  hiddenDecoys: 0,
  scoreDecoys: "none",
  scores: "plain",
  selectorCheck: false,
  singleUse: false,
};

const standard: Protections = {
  channelOrder: true,
  disturbance: 0.5,
  hiddenDecoys: 1 / 32,
  scoreDecoys: "convex",
  scores: "blinded",
  selectorCheck: true,
  singleUse: true,
};

const strict: Protections = {
  ...standard,
  hiddenDecoys: 1 / 8,
  scoreDecoys: "none",
  scores: "compared",
};

/**
 * The protections that a model's owner chose. Where scores are revealed, clients
 * are trusted: answers are exact, and only what costs nothing is done.
 *
 * @throws {CipherlayerError} `unsupported` for a sealed model, which ordinary rounds would open
 */
export function protectionsOf(
  { privacy, reveal }: Pick<Manifest, "privacy" | "reveal">,
): Protections {
  if (reveal === "scores") {
    return { ...none, channelOrder: privacy !== "paper" };
  }
  switch (privacy) {
    case "paper":
      return { ...none, scoreDecoys: "random" };
    case "standard":
      return standard;
    case "strict":
      return strict;
    case "sealed":
      throw new CipherlayerError(
        "unsupported",
        "Cannot open an ordinary session: expected a model that is not sealed; use a sealed session",
      );
  }
}
