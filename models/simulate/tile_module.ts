/**
 * The WebAssembly module behind `BatchMap`: products of a matrix with many columns
 * that lie scattered in memory, in tiles that stay in registers. Plain multiply
 * and add, so that every machine rounds alike.
 *
 * @module
 */
import {
  assemble,
  type Code,
  doWhile,
  f64,
  I32,
  i32,
  i32Add,
  i32Load,
  i32LtU,
  i32Mul,
  load,
  type Local,
  set,
  splat,
  store,
  tee,
  vectorBinary,
  vectorLoad,
  WasmFunction,
} from "../../sdk/paillier/wasm/assembler.ts";

/** Format of the numbers: integers are exact up to 2^24 or 2^53. */
export type Precision = "f32" | "f64";

/** Rows of weights a tile. */
export const tileRows = 4;
const tileVectors = 2, vectorBytes = 16;
const tileBytes = tileVectors * vectorBytes;

/** Bytes of a number. */
export const elementBytes: Record<Precision, number> = { f32: 4, f64: 8 };

/** Columns a tile. */
export function tileColumns(precision: Precision): number {
  return tileBytes / elementBytes[precision];
}

export interface TileExports {
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /**
   * output[row, column] = sum over k of weights[row, k] * input[offsets[k] + column].
   * Places are byte addresses, counts at least 1.
   *
   * @param weights numbers [row blocks, terms, tileRows]
   * @param offsets i32 bytes from `input` on, one a term
   * @param tiles columns / `tileColumns`
   * @param rowBlocks rows / `tileRows`
   * @param rowBytes bytes of an output row
   */
  multiply(
    weights: number,
    offsets: number,
    input: number,
    output: number,
    terms: number,
    tiles: number,
    rowBlocks: number,
    rowBytes: number,
  ): void;
}

const instructions: Record<
  Precision,
  {
    multiply: (a: Code, b: Code) => Code;
    add: (a: Code, b: Code) => Code;
    loadSplat: (address: Code, offset: number) => Code;
  }
> = {
  f32: {
    multiply: vectorBinary(0xe6),
    add: vectorBinary(0xe4),
    loadSplat: vectorLoad(0x09),
  },
  f64: {
    multiply: vectorBinary(0xf2),
    add: vectorBinary(0xf0),
    loadSplat: vectorLoad(0x0a),
  },
};

const instances = new Map<Precision, TileExports>();

/** The module at work. Its memory is scratch: nothing outlives a call into `BatchMap`. */
export function tileInstance(precision: Precision): TileExports {
  let instance = instances.get(precision);
  if (!instance) {
    const binary = assemble({ multiply: multiply(precision) }, 1);
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(binary),
    );
    instances.set(
      precision,
      instance = exports as unknown as TileExports,
    );
  }
  return instance;
}

function multiply(precision: Precision): WasmFunction {
  const f = new WasmFunction(Array(8).fill(I32));
  const [
    weights,
    offsets,
    input,
    output,
    terms,
    tiles,
    rowBlocks,
    rowBytes,
  ] = f.parameters;
  const [weight, offset, offsetsEnd, column, to, tilesLeft, row] = Array.from(
    { length: 7 },
    () => f.local(I32),
  );
  const { multiply, add, loadSplat } = instructions[precision];
  const size = elementBytes[precision];
  const right = (v: number) => f.vector(`right ${v}`);
  const left = f.vector("left");
  const sum = (r: number, v: number) => f.vector(`sum ${r} ${v}`);
  const advance = (local: Local, bytes: Code) =>
    set(local, i32Add(local, bytes));
  const perSum = (code: (r: number, v: number) => Code): Code =>
    range(tileRows).map((r) => range(tileVectors).map((v) => code(r, v)));

  const term: Code = [
    set(row, i32Add(column, i32Load(offset))),
    range(tileVectors).map((v) => set(right(v), load(row, v * vectorBytes))),
    range(tileRows).map((r) => [
      set(left, loadSplat(weight, r * size)),
      range(tileVectors).map((v) =>
        set(sum(r, v), add(sum(r, v), multiply(left, right(v))))
      ),
    ]),
    advance(weight, i32(tileRows * size)),
  ];
  const tile: Code = [
    perSum((r, v) => set(sum(r, v), splat(f64(0)))),
    set(weight, weights),
    set(offset, offsets),
    doWhile(
      term,
      i32LtU(tee(offset, i32Add(offset, i32(4))), offsetsEnd),
    ),
    set(row, to),
    range(tileRows).map((r) => [
      range(tileVectors).map((v) => store(row, v * vectorBytes, sum(r, v))),
      advance(row, rowBytes),
    ]),
    advance(column, i32(tileBytes)),
    advance(to, i32(tileBytes)),
  ];
  f.body = [
    set(offsetsEnd, i32Add(offsets, i32Mul(terms, i32(4)))),
    doWhile([
      set(column, input),
      set(to, output),
      set(tilesLeft, tiles),
      doWhile(tile, tee(tilesLeft, i32Add(tilesLeft, i32(-1)))),
      set(weights, weight),
      advance(output, i32Mul(rowBytes, i32(tileRows))),
    ], tee(rowBlocks, i32Add(rowBlocks, i32(-1)))),
  ];
  return f;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
