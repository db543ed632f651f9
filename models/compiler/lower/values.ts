/**
 * What a name of the ONNX graph stands for while the graph is lowered, and the
 * rounds gathered so far. Rounds come into being lazily: a value of the gateway
 * becomes an activation only when something linear reads it.
 *
 * @module
 */
import {
  type FloatInput,
  type FloatRound,
  type FloatTerm,
  type GatewayOperation,
  type Grid,
  gridSize,
  type LinearMap,
} from "../ir.ts";
import { maxPlaces } from "../../package/verify.ts";
import { sizeOf, type Tensor } from "../onnx/tensor.ts";
import {
  apply,
  channelScaling,
  compose,
  identity,
  isIdentity,
  toMatrix,
} from "./linear_map.ts";
import { isCheaperApart } from "./joining.ts";
import { UnsupportedNodeError } from "./unsupported.ts";

export type Value = ConstantValue | LinearValue | GatewayValue;

export interface ConstantValue {
  kind: "constant";
  tensor: Tensor;
}

/** Sum of maps of activations, plus a bias an element. */
export interface LinearValue {
  kind: "linear";
  /** As ONNX sees it, with a batch of 1. */
  shape: number[];
  terms: { reads: string; map: LinearMap }[];
  bias: Float64Array;
  /** The layer that a round of this value is named after. */
  node?: string;
}

/** Edge operations on a linear value, not yet an activation. */
export interface GatewayValue {
  kind: "gateway";
  shape: number[];
  source: LinearValue;
  operations: GatewayOperation[];
  /** Set once a round writes it. */
  activation: string | null;
  /** Node that made it. */
  node: string;
}

/** Channels and space of a tensor [1, C, L] or [1, C, H, W]; null for others. */
export function gridOf(shape: readonly number[]): Grid | null {
  if (shape[0] !== 1) return null;
  if (shape.length === 3) return [shape[1], 1, shape[2]];
  return shape.length === 4 ? [shape[1], shape[2], shape[3]] : null;
}

/** How an input is read: the activation of its name is reading * gain + offset. */
export interface InputUse extends Pick<FloatInput, "gain" | "offset" | "grid"> {
  /** Least and greatest reading, of short integers. */
  range?: Tensor["range"];
}

/** The rounds of a network under construction. */
export class RoundBuilder {
  readonly rounds: FloatRound[] = [];
  readonly #prefix: string;
  /** Values that are kept on the way of a round that is not written yet, by name. */
  readonly #unwritten = new Map<string, GatewayValue>();
  /** Shapes of those that got a round of their own after all. */
  readonly #apart = new Map<string, number[]>();
  #names = 0;

  constructor(readonly inputs: ReadonlyMap<string, InputUse>) {
    let prefix = "a";
    const taken = [...inputs.keys()];
    while (taken.some((name) => name.startsWith(prefix))) prefix += "_";
    this.#prefix = prefix;
  }

  /** The activation of that name and shape, as a value. */
  activation(name: string, shape: number[]): LinearValue {
    const length = sizeOf(shape);
    return {
      kind: "linear",
      shape,
      terms: [{ reads: name, map: identity(length) }],
      bias: new Float64Array(length),
    };
  }

  /** A value that rounds can read: a gateway value becomes an activation. */
  toLinear(value: LinearValue | GatewayValue): LinearValue {
    if (value.kind === "linear") return value;
    return this.activation(this.nameOf(value), value.shape);
  }

  /** The activation that the value is, which a round writes where none does yet. */
  nameOf(value: GatewayValue): string {
    if (value.activation === null) value.activation = this.write(value);
    const kept = this.#unwritten.get(value.activation);
    if (kept) {
      // What goes on from it is not written yet: a round of its own comes first.
      this.#apart.set(value.activation, kept.shape);
      this.#push(kept, value.activation);
    }
    return value.activation;
  }

  /** A name for what the gateway keeps on the way of a round. */
  newName(): string {
    return `${this.#prefix}k${this.#names++}`;
  }

  /** The activation that a linear value is as it stands, or one that is written for it. */
  nameOfLinear(value: LinearValue, node: string): string {
    return writtenAs(this, value) ??
      this.writeActivation(value, node).terms[0].reads;
  }

  /**
   * The value to go on from, where others read it, too: its round goes on, and keeps it
   * as an activation on the way.
   */
  keep(value: GatewayValue): GatewayValue {
    const name = this.newName();
    this.#unwritten.set(name, { ...value });
    value.activation = name;
    const operations = [...value.operations, { op: "keep" as const, as: name }];
    return { ...value, operations, activation: null };
  }

  /** Ends a round with `value` and returns the activation's name. */
  write(value: GatewayValue): string {
    const writes = `${this.#prefix}${this.rounds.length}`;
    const written = value.operations.findLastIndex((operation) =>
      operation.op === "keep" && this.#apart.has(operation.as)
    );
    this.#push(written < 0 ? value : this.#after(value, written), writes);
    return writes;
  }

  /** The value as what follows the activation that its operation `index` keeps. */
  #after(value: GatewayValue, index: number): GatewayValue {
    const { as } = value.operations[index] as { as: string };
    return {
      ...value,
      source: this.activation(as, this.#apart.get(as)!),
      operations: value.operations.slice(index + 1),
    };
  }

  #push(value: GatewayValue, writes: string): void {
    const { terms, shape, bias } = asRound(value.source);
    const places = sizeOf(shape.slice(1));
    if (places > maxPlaces) {
      throw new UnsupportedNodeError(
        `its map of ${places} places is larger than ${maxPlaces}`,
        "work on smaller readings",
      );
    }
    this.rounds.push({
      name: value.source.node ?? value.node,
      terms,
      shape,
      bias,
      gateway: value.operations,
      writes,
      writesShape: activationShape(value.shape),
    });
    this.#unwritten.delete(writes);
    for (const operation of value.operations) {
      if (operation.op === "keep") this.#unwritten.delete(operation.as);
    }
  }

  /**
   * map(value), by the first of `maps` (which all say the same) that composes with
   * every term. Where none does, the value becomes a separate activation and the
   * first map reads that.
   *
   * @param shape of the result
   */
  applyLinear(
    value: LinearValue | GatewayValue,
    maps: LinearMap[],
    shape: number[],
    node: string,
  ): LinearValue {
    const linear = this.toLinear(value);
    for (const map of maps) {
      if (isCheaperApart(map, linear)) continue;
      const terms = [];
      for (const { reads, map: inner } of linear.terms) {
        const composed = compose(map, inner);
        if (!composed) break;
        terms.push({ reads, map: composed });
      }
      if (terms.length < linear.terms.length) continue;
      const bias = apply(map, linear.bias);
      return { ...linear, shape, terms: withoutNothing(terms), bias };
    }
    const broken = this.writeActivation(linear, `${node} input`);
    return {
      kind: "linear",
      shape,
      terms: [{ reads: broken.terms[0].reads, map: maps[0] }],
      bias: new Float64Array(sizeOf(shape)),
    };
  }

  /** The value as a separate activation. */
  writeActivation(value: LinearValue, node: string): LinearValue {
    return this.toLinear({
      kind: "gateway",
      shape: value.shape,
      source: value,
      operations: [],
      activation: null,
      node,
    });
  }
}

/** The terms that read anything; one at least. */
function withoutNothing(terms: LinearValue["terms"]): LinearValue["terms"] {
  const reading = terms.filter(({ map }) =>
    map.kind !== "selection" || map.index.some((from) => from >= 0)
  );
  return reading.length > 0 ? reading : terms.slice(0, 1);
}

/** The activation that a value is, whole; null where it is none of a round. */
export function writtenAs(
  { inputs }: RoundBuilder,
  { terms: [{ reads, map }, ...others], bias }: LinearValue,
): string | null {
  const isWhole = others.length === 0 && isIdentity(map) &&
    bias.every((value) => value === 0) && !inputs.has(reads);
  return isWhole ? reads : null;
}

/** Sum of values of one shape; terms that read the same activation stay apart. */
export function addValues(left: LinearValue, right: LinearValue): LinearValue {
  return {
    kind: "linear",
    node: left.node ?? right.node,
    shape: left.shape,
    terms: [...left.terms, ...right.terms],
    bias: left.bias.map((b, i) => b + right.bias[i]),
  };
}

/** The batch axis of one drops out; a signal [C, L] becomes [C, 1, L]. */
function activationShape(shape: number[]): number[] {
  return gridOf(shape) ?? [sizeOf(shape)];
}

/** Brings the terms to one kind: convolutions over one grid, else matrices. */
function asRound(
  { shape, terms, bias }: LinearValue,
): { terms: FloatTerm[]; shape: number[]; bias: Float64Array } {
  const grid = commonGrid(shape, terms.map(({ map }) => map));
  if (grid) {
    const ones = new Float64Array(grid[0]).fill(1);
    return {
      shape: [...grid],
      bias,
      terms: terms.map(({ reads, map }) => ({
        reads,
        map: map.kind === "convolution" ? map : channelScaling(grid, ones),
      })),
    };
  }
  return {
    shape: [bias.length],
    bias,
    terms: terms.map(({ reads, map }) => {
      const matrix = toMatrix(map);
      if (!matrix) {
        throw new UnsupportedNodeError(
          `a linear map of ${bias.length} outputs has no convolution form and is too large for a matrix`,
          "reshape the network so that it works on smaller tensors here",
        );
      }
      return { reads, map: matrix };
    }),
  };
}

/** The output grid where all maps are convolutions (or identities) over it. */
function commonGrid(shape: number[], maps: LinearMap[]): Grid | null {
  let grid: Grid | null = null;
  for (const map of maps) {
    if (map.kind !== "convolution") continue;
    grid ??= map.output;
    if (grid.some((length, axis) => length !== map.output[axis])) return null;
  }
  grid ??= gridOf(shape);
  if (!grid || grid[1] * grid[2] === 1) return null;
  const size = gridSize(grid);
  const fits = maps.every((map) =>
    map.kind === "convolution" || (isIdentity(map) && map.columns === size)
  );
  return fits ? grid : null;
}
