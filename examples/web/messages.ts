/** What the page and its worker tell each other. */
import type { LeakageReport, RoundReport } from "@cipherlayer/sdk";

/** From the page. */
export type PageMessage =
  | {
    kind: "open";
    /** Where the functions run. */
    url: string;
    insecure: boolean;
  }
  | {
    kind: "ask";
    /** 784 values in [0, 255], row-major. */
    picture: Uint8Array;
  };

/** One round as both sides saw it. */
export interface RoundSeen {
  index: number;
  rounds: number;
  /** "conv 20×26×26" */
  layer: string;
  report: RoundReport;
  /** What crossed the network: the first bytes of the first ciphertext sent. */
  cloud: { bytes: Uint8Array; ciphertextBytes: number };
  /** What the gateway decrypted: channels, height, width, row-major. */
  gateway: { shape: number[]; values: Float64Array };
}

/** From the worker. */
export type WorkerMessage =
  | { kind: "status"; text: string }
  | {
    kind: "ready";
    keyBits: number;
    fingerprint: string;
    kernel: string;
    model: string;
  }
  | { kind: "round"; seen: RoundSeen }
  | {
    kind: "answer";
    predicted: number;
    scores: number[] | null;
    totalMs: number;
    bytesUp: number;
    bytesDown: number;
    leakage: LeakageReport;
  }
  | {
    kind: "ciphertextPicture";
    /** 784 ciphertexts modulo 256, one for each pixel. */
    residues: Uint8Array;
    /** All that was encrypted for it. */
    bytes: number;
  }
  | { kind: "fault"; text: string };
