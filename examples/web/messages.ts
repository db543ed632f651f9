/**
 * What the page and its worker tell each other. All of it survives JSON: the page
 * replays what was told when it was built.
 *
 * @module
 */
import type { LeakageReport, RoundReport } from "@cipherlayer/sdk";

/** From the page. */
export type PageMessage =
  | {
    kind: "open";
    /** Where the functions run. */
    url: string;
    insecure: boolean;
    /** Whether the sealed model is asked. */
    sealed: boolean;
  }
  | {
    kind: "ask";
    /** 784 values in [0, 255], row-major. */
    picture: number[];
  }
  /** Each pixel of a picture is to be encrypted by itself. */
  | { kind: "hide"; picture: number[] }
  /** Two whole numbers from 0 to 99 are to be added while they are encrypted. */
  | { kind: "add"; left: number; right: number };

/** One round before it is run: the same for every drawing. */
export interface RoundPlanned {
  /** "conv 20×24×24" */
  layer: string;
  ciphertextsUp: number;
  ciphertextsDown: number;
}

/** One round as both sides saw it. */
export interface RoundSeen {
  index: number;
  report: RoundReport;
  /** What crossed the network: the first bytes of the ciphertexts sent. */
  cloud: { bytes: number[]; ciphertextBytes: number };
  /** What the gateway decrypted. */
  gateway: {
    /** Channels, height and width; or only a length. */
    shape: number[];
    /** Row-major; of maps only the first few. */
    values: number[];
  };
}

/** The answer, and what it cost. */
export interface AnswerSeen {
  /** One for each digit; null where the model tells its answer only. */
  scores: number[] | null;
  predicted: number;
  totalMs: number;
  bytesUp: number;
  bytesDown: number;
  leakage: LeakageReport;
  /** The browser's threads that shared the work; 0 or 1: no others. */
  threads: number;
}

/** Ciphertexts modulo 256, one for each pixel. */
export interface HiddenPictures {
  digit: number[];
  /** Of as many zeros. */
  empty: number[];
}

/** Two numbers that were added while they were encrypted. */
export interface SumSeen {
  left: number;
  right: number;
  /** How those of the two numbers and of their sum begin. */
  ciphertexts: number[][];
  ciphertextBytes: number;
  /** What the private key makes of the third. */
  opened: number;
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
    sealed: boolean;
    rounds: RoundPlanned[];
  }
  /** Ciphertexts of a round have left: the first bytes of them. */
  | { kind: "sent"; round: number; bytes: number[] }
  /** Sums of a round are coming back. */
  | { kind: "received"; round: number }
  | { kind: "round"; seen: RoundSeen }
  | { kind: "answer"; answer: AnswerSeen }
  | { kind: "hidden"; pictures: HiddenPictures }
  | { kind: "sum"; sum: SumSeen }
  | { kind: "fault"; text: string };

/** What was made when the page was built: digits to choose from, and an inference. */
export interface Example {
  /** A picture of each digit, as `picture`: to draw them takes a phone a second. */
  samples: number[][];
  /** ISO 8601. */
  builtAt: string;
  /** 784 values in [0, 255], row-major. */
  picture: number[];
  told: WorkerMessage[];
}
