/**
 * Gates in plain JavaScript: the reference of the WebAssembly kernel, and its stand-in
 * where there are no vectors.
 *
 * @module
 */
import { domains, hashLabel } from "./hash.ts";
import { deltaAt, type GateKernel, heapAt, saltAt } from "./gate_kernel.ts";

/** One label at a time. */
export class ScalarKernel implements GateKernel {
  words: Uint32Array = new Uint32Array(heapAt / 4);

  reserve(bytes: number): void {
    if (bytes <= this.words.byteLength) return;
    const words = new Uint32Array(Math.ceil(bytes / 4));
    words.set(this.words);
    this.words = words;
  }

  xor(a: number, b: number, out: number, groups: number): void {
    for (let i = 0; i < 16 * groups; i++) {
      this.words[out / 4 + i] = this.words[a / 4 + i] ^ this.words[b / 4 + i];
    }
  }

  flip(a: number, bits: number, out: number, groups: number): void {
    this.#each(groups, (group, lane) => {
      const mask = this.words[bits / 4 + 4 * group + lane];
      const label = this.#label(a, group, lane);
      this.#put(out, group, lane, xorMasked(label, mask, this.#delta));
    });
  }

  not(a: number, out: number, groups: number): void {
    this.#each(groups, (group, lane) => {
      const label = this.#label(a, group, lane);
      this.#put(out, group, lane, xorMasked(label, -1, this.#delta));
    });
  }

  garbleAnd(...gate: Parameters<GateKernel["garbleAnd"]>): void {
    const [aAt, bAt, out, table, groups, number, firstLane] = gate;
    this.#each(groups, (group, lane) => {
      const a = this.#label(aAt, group, lane),
        b = this.#label(bAt, group, lane);
      const tweak = [number, firstLane + 4 * group + lane] as const;
      const known = -(b[0] & 1);
      const garbler = this.#garblerHalf(a, known, tweak);
      const e0 = this.#hash(b, tweak, domains.evaluatorHalf);
      const e1 = this.#hash(
        xorMasked(b, -1, this.#delta),
        tweak,
        domains.evaluatorHalf,
      );
      const difference = xorMasked(e0, -1, e1);
      this.#put(table, 2 * group, lane, garbler.ciphertext);
      this.#put(table, 2 * group + 1, lane, xorMasked(difference, -1, a));
      const evaluator = xorMasked(e0, known, difference);
      this.#put(out, group, lane, xorMasked(garbler.label, -1, evaluator));
    });
  }

  evaluateAnd(...gate: Parameters<GateKernel["evaluateAnd"]>): void {
    const [aAt, bAt, out, table, groups, number, firstLane] = gate;
    this.#each(groups, (group, lane) => {
      const a = this.#label(aAt, group, lane),
        b = this.#label(bAt, group, lane);
      const tweak = [number, firstLane + 4 * group + lane] as const;
      const first = this.#label(table, 2 * group, lane);
      const second = this.#label(table, 2 * group + 1, lane);
      const garbler = xorMasked(
        this.#hash(a, tweak, domains.garblerHalf),
        -(a[0] & 1),
        first,
      );
      const evaluator = xorMasked(
        this.#hash(b, tweak, domains.evaluatorHalf),
        -(b[0] & 1),
        xorMasked(second, -1, a),
      );
      this.#put(out, group, lane, xorMasked(garbler, -1, evaluator));
    });
  }

  garbleKnown(...gate: Parameters<GateKernel["garbleKnown"]>): void {
    const [aAt, bits, out, table, groups, number, firstLane] = gate;
    this.#each(groups, (group, lane) => {
      const known = this.words[bits / 4 + 4 * group + lane];
      const { ciphertext, label } = this.#garblerHalf(
        this.#label(aAt, group, lane),
        known,
        [number, firstLane + 4 * group + lane],
      );
      this.#put(table, group, lane, ciphertext);
      this.#put(out, group, lane, label);
    });
  }

  evaluateKnown(...gate: Parameters<GateKernel["evaluateKnown"]>): void {
    const [aAt, , out, table, groups, number, firstLane] = gate;
    this.#each(groups, (group, lane) => {
      const a = this.#label(aAt, group, lane);
      const hash = this.#hash(
        a,
        [number, firstLane + 4 * group + lane],
        domains.garblerHalf,
      );
      const ciphertext = this.#label(table, group, lane);
      this.#put(out, group, lane, xorMasked(hash, -(a[0] & 1), ciphertext));
    });
  }

  hash(...parameters: Parameters<GateKernel["hash"]>): void {
    const [a, out, groups, gate, firstLane, domain] = parameters;
    this.#each(groups, (group, lane) => {
      const tweak = [gate, firstLane + 4 * group + lane] as const;
      const label = this.#label(a, group, lane);
      this.#put(out, group, lane, this.#hash(label, tweak, domain));
    });
  }

  /** Label of 0 of a AND known, and the ciphertext of the half gate. */
  #garblerHalf(
    a: Uint32Array,
    known: number,
    tweak: readonly [number, number],
  ): { ciphertext: Uint32Array; label: Uint32Array } {
    const h0 = this.#hash(a, tweak, domains.garblerHalf);
    const h1 = this.#hash(
      xorMasked(a, -1, this.#delta),
      tweak,
      domains.garblerHalf,
    );
    const ciphertext = xorMasked(xorMasked(h0, -1, h1), known, this.#delta);
    return { ciphertext, label: xorMasked(h0, -(a[0] & 1), ciphertext) };
  }

  get #delta(): Uint32Array {
    return this.#label(deltaAt, 0, 0);
  }

  #hash(
    label: Uint32Array,
    [gate, lane]: readonly [number, number],
    domain: number,
  ): Uint32Array {
    return hashLabel(label, this.#label(saltAt, 0, 0), [gate, lane, domain]);
  }

  #each(groups: number, work: (group: number, lane: number) => void): void {
    for (let group = 0; group < groups; group++) {
      for (let lane = 0; lane < 4; lane++) work(group, lane);
    }
  }

  #label(at: number, group: number, lane: number): Uint32Array {
    const first = at / 4 + 16 * group + lane;
    return Uint32Array.from([0, 4, 8, 12], (w) => this.words[first + w]);
  }

  #put(at: number, group: number, lane: number, label: Uint32Array): void {
    const first = at / 4 + 16 * group + lane;
    for (let w = 0; w < 4; w++) this.words[first + 4 * w] = label[w];
  }
}

/** a xor (mask and b) */
const xorMasked = (a: Uint32Array, mask: number, b: Uint32Array): Uint32Array =>
  a.map((word, w) => word ^ mask & b[w]);
