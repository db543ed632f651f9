/**
 * Labels of the wires of a circuit in all its lanes, as structure of arrays.
 *
 * Wire by wire, in groups of four lanes; a group is words 0 to 3 of its labels, each
 * four lanes wide. A label is 128 bits; the lowest bit of word 0 is its colour.
 *
 * @module
 */

/** Labels of `wires` wires in `lanes` lanes; padding lanes belong to nobody. */
export class Labels {
  readonly groups: number;
  readonly words: Uint32Array;

  /** @param words as many as fit; new zeros by default */
  constructor(
    readonly wires: number,
    readonly lanes: number,
    words?: Uint32Array,
  ) {
    this.groups = Math.ceil(lanes / 4);
    this.words = words ?? new Uint32Array(16 * wires * this.groups);
    if (this.words.length !== 16 * wires * this.groups) {
      throw new RangeError(
        `Cannot hold labels: expected ${
          16 * wires * this.groups
        } words, got ${this.words.length}`,
      );
    }
  }

  /** Place of word 0; the others follow in steps of four. */
  at(wire: number, lane: number): number {
    return 16 * (wire * this.groups + (lane >> 2)) + (lane & 3);
  }

  /** The four words of one label. */
  get(wire: number, lane: number): Uint32Array {
    const at = this.at(wire, lane);
    return Uint32Array.from([0, 4, 8, 12], (w) => this.words[at + w]);
  }

  /** Copies the four words from `first` on. */
  set(wire: number, lane: number, from: Uint32Array, first = 0): void {
    const at = this.at(wire, lane);
    for (let w = 0; w < 4; w++) this.words[at + 4 * w] = from[first + w];
  }

  colour(wire: number, lane: number): number {
    return this.words[this.at(wire, lane)] & 1;
  }

  /** Lanes from `first` on, a multiple of four. */
  range(first: number, lanes: number): Labels {
    const part = new Labels(this.wires, lanes);
    const size = 16 * part.groups;
    for (let wire = 0; wire < this.wires; wire++) {
      const from = this.at(wire, first);
      part.words.set(this.words.subarray(from, from + size), size * wire);
    }
    return part;
  }
}

/** Colours of all labels, one byte each, wire by wire. */
export function colours(labels: Labels): Uint8Array {
  const bits = new Uint8Array(labels.wires * labels.lanes);
  for (let wire = 0, i = 0; wire < labels.wires; wire++) {
    for (let lane = 0; lane < labels.lanes; lane++) {
      bits[i++] = labels.colour(wire, lane);
    }
  }
  return bits;
}
