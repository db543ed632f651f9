/**
 * Today's systems beside this one: what a client may learn of the model, and from
 * whom that is kept.
 *
 * @module
 */
import { markdownTable, type Section } from "./markdown.ts";

/** A system, as `docs/data/peers.csv` describes it with its source. */
export type PeerRow = {
  system: string;
  year: number;
  method: string;
  /** Of the model, by its authors' statement. */
  clientMayLearn: string;
  /** What becomes of a client that deviates from the protocol. */
  hostileClient: string;
  /** A figure that its authors give. */
  figure: string;
  quotedFrom: string;
  source: string;
};

/** The section; nothing in it was measured here. */
export function peersSection(peers: readonly PeerRow[]): Section {
  return {
    title: "Beyond the paper: who may learn what, here and elsewhere",
    blocks: [
      "Times of other systems cannot be compared across networks, machines and lines. What each party may learn can. " +
      "All of the others keep state between two processes for the length of an inference, or send one message each way under fully homomorphic encryption; here the cloud keeps none.",
      markdownTable(
        [
          "system",
          "method",
          "the client may learn of the model",
          "a client that cheats",
          "its authors' figure",
        ],
        [
          [
            "**ours**, `standard`",
            "Paillier; the gateway applies activations in the clear",
            "every pre-activation, disturbed and in a fresh order; the label",
            "computes weights: [measured](model-privacy.md)",
            "above",
          ],
          [
            "**ours**, `sealed`",
            "Paillier, garbled activations, silent oblivious transfer",
            "the label",
            "at most log2(labels) bits of weights a label: [sealed.md](sealed.md)",
            "[sealed.md](sealed.md)",
          ],
          ...peers.map((
            {
              system,
              year,
              method,
              clientMayLearn,
              hostileClient,
              figure,
              source,
            },
          ) => [
            `[${system}](${source}) (${year}), quoted`,
            method,
            clientMayLearn,
            hostileClient,
            figure,
          ]),
        ],
      ),
      "Command: `deno task paper --render`. Quoted from the papers' abstracts: [peers.csv](data/peers.csv).",
    ],
    figures: [],
  };
}
