/**
 * Figure 13: pictures of ciphertexts modulo 256, their histograms, and what such
 * pictures are worth: an encryption that anybody can open passes the same tests.
 * All digits are drawn by this project.
 *
 * @module
 */
import { renderDigit } from "../../../examples/digits/render.ts";
import { digitSample } from "../../../examples/digits/samples.ts";
import { glyphs } from "../../../examples/digits/strokes.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { modPower } from "../../../sdk/paillier/public/modular.ts";
import type { PublicKey } from "../../../sdk/paillier/public/public_key.ts";
import { benchKey, type BenchKeyBits } from "../../shared/keys.ts";
import type { Stage } from "../stage.ts";
import {
  chiSquared,
  chiSquaredTail,
  histogram,
  mean,
  neighbourCorrelation,
} from "../statistics.ts";

/** How a picture is shown. */
export type Encryption = "none" | "Paillier" | "predictable randomness";

/** One pixel of the five digits. */
export type PixelRow = {
  keyBits: number;
  digit: number;
  pixel: number;
  plain: number;
  /** Ciphertext modulo 256 under each encryption. */
  paillier: number;
  predictable: number;
  /** What a stranger without any key reads out of the predictable ciphertext. */
  recovered: number;
};

/** Statistics over many pictures. */
export type PictureStatisticsRow = {
  keyBits: number;
  encryption: Encryption;
  pictures: number;
  /** Of all bytes together, 255 degrees of freedom. */
  chiSquared: number;
  tail: number;
  /** Share of single pictures that a test at 1 % calls uneven. */
  unevenShare: number;
  /** Means over pictures of the correlation with the neighbour. */
  right: number;
  below: number;
  diagonal: number;
  /** Share of pixels that a stranger reads without any key. */
  readable: number;
};

const side = 28;
const neighbours = { right: [1, 0], below: [0, 1], diagonal: [1, 1] } as const;
const shownKeyBits: BenchKeyBits = 2048;
/** The paper's, so that 784,000 encryptions take seconds. INSECURE. */
const manyKeyBits: BenchKeyBits = 512;

export const picturesStage: Stage = {
  name: "pictures",
  about: "pictures of ciphertexts modulo 256, and statistics over 1,000",
  tables: ["pictures", "picture-statistics"],
  async measure({ quick, progress }) {
    progress(`five digits at ${shownKeyBits} bits`);
    const pixels = await fiveDigits();
    const pictures = manyPictures(quick ? 100 : 1000);
    progress(`${pictures.length} pictures at ${manyKeyBits} bits`);
    using owner = new PaillierEngine(benchKey(manyKeyBits));
    const fresh: Uint8Array[] = [], predictable: Uint8Array[] = [];
    const broken = new PredictablePaillier(owner.publicKey);
    let read = 0;
    for (const picture of pictures) {
      fresh.push(lastBytes(await encrypt(owner, picture), owner.publicKey));
      const ciphertexts = broken.encrypt(picture);
      predictable.push(modulo256(ciphertexts));
      read += countEqual(broken.readWithoutKey(ciphertexts), picture);
    }
    const statistics = [
      statisticsOf("none", pictures, 1),
      statisticsOf("Paillier", fresh, 0),
      statisticsOf(
        "predictable randomness",
        predictable,
        read / (pictures.length * side ** 2),
      ),
    ];
    return { pictures: pixels, "picture-statistics": statistics };
  },
};

async function fiveDigits(): Promise<PixelRow[]> {
  const key = benchKey(shownKeyBits);
  using owner = new PaillierEngine(key);
  const broken = new PredictablePaillier(key.publicKey);
  const rows: PixelRow[] = [];
  for (let index = 0; index < 5; index++) {
    const { digit, picture } = digitSample(index);
    const paillier = lastBytes(await encrypt(owner, picture), key.publicKey);
    const ciphertexts = broken.encrypt(picture);
    const predictable = modulo256(ciphertexts);
    const recovered = broken.readWithoutKey(ciphertexts);
    picture.forEach((plain, pixel) =>
      rows.push({
        keyBits: shownKeyBits,
        digit,
        pixel,
        plain,
        paillier: paillier[pixel],
        predictable: predictable[pixel],
        recovered: recovered[pixel],
      })
    );
  }
  return rows;
}

/**
 * Paillier with a "random" number that counts up from a public start: every
 * ciphertext is another, looks like noise, and opens to everybody, since (r_i)^N can
 * be computed and divided out. r_i = 2^i, so that one product takes it to the next.
 */
export class PredictablePaillier {
  readonly #modulus: bigint;
  readonly #square: bigint;
  readonly #base: bigint;
  #next = 1n;
  /** What a stranger counts up beside it. */
  #strangerNext = 1n;

  constructor({ modulus }: Pick<PublicKey, "modulus">) {
    this.#modulus = modulus;
    this.#square = modulus * modulus;
    this.#base = modPower(2n, modulus, this.#square);
  }

  encrypt(plaintexts: Iterable<number>): bigint[] {
    return Array.from(plaintexts, (plaintext) => {
      this.#next = this.#next * this.#base % this.#square;
      const message = 1n + BigInt(plaintext) * this.#modulus;
      return message * this.#next % this.#square;
    });
  }

  /**
   * Byte messages by public knowledge alone: the ciphertext whose r^N is known is
   * looked up among the 256 that it can be, a multiple of N apart after reduction.
   */
  readWithoutKey(ciphertexts: readonly bigint[]): number[] {
    return ciphertexts.map((ciphertext) => {
      this.#strangerNext = this.#strangerNext * this.#base % this.#square;
      // c = r^N + m N r^N (mod N^2), and N r^N = N (r^N mod N).
      const step = this.#strangerNext % this.#modulus * this.#modulus;
      let candidate = this.#strangerNext;
      for (let message = 0; message < 256; message++) {
        if (candidate === ciphertext) return message;
        candidate = (candidate + step) % this.#square;
      }
      return -1;
    });
  }
}

/** Digits in many hands, the same on every machine. */
function manyPictures(count: number): Uint8Array[] {
  // Low-discrepancy in each property of the hand.
  const between = (low: number, high: number, i: number, ratio: number) =>
    low + (high - low) * (i * ratio % 1);
  return Array.from(
    { length: count },
    (_, i) =>
      renderDigit(glyphs[i % glyphs.length], {
        slant: between(-0.2, 0.4, i, 0.7548776662466927),
        turnDegrees: between(-10, 10, i, 0.5698402909980532),
        stretch: between(0.85, 1.15, i, 0.6180339887498949),
        penRadius: between(0.04, 0.075, i, 0.8191725133961645),
      }),
  );
}

function encrypt(
  owner: PaillierEngine,
  picture: Uint8Array,
): Promise<Uint8Array> {
  return owner.encryptBatch(Array.from(picture, BigInt));
}

/** The last byte of each ciphertext: it modulo 256. */
function lastBytes(
  ciphertexts: Uint8Array,
  { ciphertextBytes }: PublicKey,
): Uint8Array {
  return Uint8Array.from(
    { length: ciphertexts.length / ciphertextBytes },
    (_, i) => ciphertexts[(i + 1) * ciphertextBytes - 1],
  );
}

const modulo256 = (ciphertexts: readonly bigint[]) =>
  Uint8Array.from(ciphertexts, (ciphertext) => Number(ciphertext & 255n));

const countEqual = (values: readonly number[], others: Uint8Array) =>
  values.filter((value, i) => value === others[i]).length;

function statisticsOf(
  encryption: Encryption,
  pictures: readonly Uint8Array[],
  readable: number,
): PictureStatisticsRow {
  const counts = pictures.map(histogram);
  const all = counts[0].map((_, byte) =>
    counts.reduce((sum, each) => sum + each[byte], 0)
  );
  const total = chiSquared(all);
  const uneven =
    counts.filter((each) => chiSquaredTail(chiSquared(each), 255) < 0.01)
      .length;
  const correlation = (step: readonly [number, number]) =>
    mean(pictures.map((pixels) => neighbourCorrelation(pixels, side, step)));
  return {
    keyBits: manyKeyBits,
    encryption,
    pictures: pictures.length,
    chiSquared: total,
    tail: chiSquaredTail(total, 255),
    unevenShare: uneven / pictures.length,
    right: correlation(neighbours.right),
    below: correlation(neighbours.below),
    diagonal: correlation(neighbours.diagonal),
    readable,
  };
}
