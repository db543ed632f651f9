/** Tables as a small evaluation would have them, made up. */
import type { Provenance } from "../../../bench/paper/archive.ts";
import type { EncryptedRow } from "../../../bench/paper/measure/encrypted.ts";
import type { Tables } from "../../../bench/paper/render/page.ts";

export const provenance: Provenance = {
  machine: "mabc",
  load: 0.1,
  measuredAt: "2026-01-02T03:04Z",
  command: "deno task paper --only stage",
  quick: false,
};

/** Encrypted samples, of which some predictions and rounds differ. */
export function encryptedRows(
  count: number,
  { otherPredictions = 0, otherRounds = 0 } = {},
): EncryptedRow[] {
  return Array.from({ length: count }, (_, index) => ({
    index,
    label: 7,
    predicted: index < otherPredictions ? 1 : 7,
    simulated: 7,
    roundsEqual: index >= otherRounds,
    seconds: 0.25,
    samples: 29,
    keyBits: 512,
    insecure: true,
    version: "v-1",
    machine: "mabc",
    measuredAt: "2026-01-02T03:04Z",
  }));
}

/** Nothing measured at all. */
export function emptyTables(): Tables {
  return {
    accuracy: null,
    attacks: null,
    batch: null,
    gateway: null,
    keyLengths: null,
    layers: null,
    oneSample: null,
    pictures: null,
    pictureStatistics: null,
    resnet20: null,
    quoted: [],
    peers: [],
    encrypted: [
      { model: "lenet-mnist", keyBits: 512, wanted: 10_000, rows: null },
    ],
    training: [],
    machines: new Map(),
  };
}

/** Everything measured once. */
export function fullTables(): Tables {
  const packed = { method: "packed", ...provenance } as const;
  const element = { method: "element by element", ...provenance } as const;
  const keyLengths = [512, 2048].flatMap((keyBits) =>
    [1, 64].flatMap((samples) => [
      {
        keyBits,
        samples,
        batch: 8,
        seconds: 3e-7 * keyBits ** 2 * samples,
        spread: 0,
        turns: 3,
        ...packed,
      },
      {
        keyBits,
        samples,
        batch: 1,
        seconds: 1e-7 * keyBits ** 3 * samples,
        spread: 0,
        turns: 3,
        ...element,
      },
    ])
  );
  const layer = {
    keyBits: 2048,
    layer: "conv1",
    valuesUp: 4,
    valuesDown: 9,
    ciphertextsUp: 4,
    ciphertextsDown: 9,
    bytesUp: 2048,
    bytesDown: 4608,
    encryptMs: 1,
    evaluateMs: 2,
    decryptMs: 3,
  };
  const costs = {
    keyBits: 3072,
    elements: 784,
    packed: 20,
    encryptMs: 2,
    decryptMs: 1,
    encryptCpuMs: 2,
    decryptCpuMs: 1,
    peakMiB: 99,
    ...provenance,
  };
  return {
    accuracy: (["float", "integer"] as const).map((arithmetic) => ({
      model: "lenet-mnist",
      version: "v-1",
      dataset: "MNIST",
      arithmetic,
      samples: 10_000,
      right: 9_964,
      seconds: 1,
      ...provenance,
    })),
    attacks: [10, 20].map((queries) => ({
      keyBits: 512,
      attack: "direct",
      profile: "none",
      queries,
      recovered: queries / 20,
      chance: 0.2,
      ...provenance,
    })),
    batch: [1, 8].map((samples) => ({
      keyBits: 2048,
      samples,
      seconds: samples ** 0.5,
      spread: 0,
      turns: 1,
      bytesUp: 1000,
      bytesDown: 500,
      ...provenance,
    })),
    gateway: [
      { keyBits: 2048, cpuMs: 250, bytes: 1e6, turns: 3, ...packed },
      { keyBits: 2048, cpuMs: 250_000, bytes: 2e7, turns: 1, ...element },
    ],
    keyLengths,
    layers: [{ ...layer, ...packed }, { ...layer, ...element }],
    oneSample: ([
      "textbook",
      "paillier-bigint",
      "gmpy2",
      "ours",
      "ours, prepared",
    ] as const)
      .map((contender) => ({ contender, ...costs })),
    pictures: [0, 1, 2, 3, 4].flatMap((digit) =>
      Array.from({ length: 784 }, (_, pixel) => ({
        keyBits: 2048,
        digit,
        pixel,
        plain: pixel % 256,
        paillier: pixel * 7 % 256,
        predictable: pixel * 11 % 256,
        recovered: pixel % 256,
        ...provenance,
      }))
    ),
    pictureStatistics: (["none", "Paillier", "predictable randomness"] as const)
      .map((encryption) => ({
        keyBits: 512,
        encryption,
        pictures: 1000,
        chiSquared: 250,
        tail: 0.5,
        unevenShare: 0.01,
        right: 0,
        below: 0,
        diagonal: 0,
        readable: encryption === "Paillier" ? 0 : 1,
        ...provenance,
      })),
    resnet20: null,
    quoted: [{
      system: "Other",
      year: 2020,
      approach: "CKKS",
      network: "CNN",
      dataset: "MNIST",
      accuracy: 98,
      seconds: 10,
      perSample: "one sample",
      hardware: "a PC",
      source: "https://example.org/other",
      quotedFrom: "abstract",
    }],
    peers: [{
      system: "Peer",
      year: 2021,
      method: "garbled ReLU",
      clientMayLearn: "the answer",
      hostileClient: "excluded",
      figure: "1 s",
      quotedFrom: "abstract",
      source: "https://example.org/peer",
    }],
    encrypted: [
      {
        model: "lenet-mnist",
        keyBits: 512,
        wanted: 30,
        rows: encryptedRows(30),
      },
    ],
    training: [{
      model: "lenet-mnist",
      dataset: "MNIST",
      path: "models/zoo/lenet-mnist/training-log.csv",
      rows: [1, 2, 3].map((epoch) => ({
        stage: epoch < 3 ? "one" : "two",
        epoch,
        loss: 1 / epoch,
        train_accuracy: 0.9,
        validation_accuracy: 0.89,
      })),
    }],
    machines: new Map([["mabc", "a processor, 2 cores"]]),
  };
}
