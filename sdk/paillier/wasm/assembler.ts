/**
 * A minimal WebAssembly assembler. Code is a tree: an instruction is an array of
 * its operands' code followed by its own bytes, so that `madd(a, b, c)` reads as
 * the expression that it computes; {@linkcode assemble} flattens the tree.
 *
 * Only the instructions that the kernel uses exist. Numbers from the
 * specification: https://webassembly.github.io/spec/core/appendix/index-instructions.html
 *
 * @module
 */

/** Code tree: bytes, local variables (their value is pushed), and sequences of both. */
export type Code = number | Local | readonly Code[];

export const I32 = 0x7f, I64 = 0x7e, F64 = 0x7c, V128 = 0x7b;
export type ValueType = typeof I32 | typeof I64 | typeof F64 | typeof V128;

/** A parameter or local variable of a function; in code it stands for its value. */
export class Local {
  constructor(readonly index: number) {}
}

/** A function under construction. Parameters are the first locals. */
export class WasmFunction {
  readonly #localTypes: ValueType[] = [];
  readonly #names = new Map<string, Local>();
  readonly parameters: Local[];
  body: Code = [];

  constructor(
    readonly parameterTypes: ValueType[],
    readonly resultTypes: ValueType[] = [],
  ) {
    this.parameters = parameterTypes.map((_, index) => new Local(index));
  }

  local(type: ValueType): Local {
    this.#localTypes.push(type);
    return new Local(this.parameters.length + this.#localTypes.length - 1);
  }

  /** The v128 local of this name, made at its first mention. */
  vector(name: string): Local {
    let local = this.#names.get(name);
    if (!local) this.#names.set(name, local = this.local(V128));
    return local;
  }

  /** Appends the code section's entry. */
  assembleTo(bytes: ByteWriter): void {
    const code = new ByteWriter();
    code.append(unsigned(this.#localTypes.length));
    for (const type of this.#localTypes) code.append([1, type]);
    flatten(this.body, code);
    code.push(0x0b);
    bytes.append(unsigned(code.length));
    bytes.append(code.written());
  }
}

/** Bytes written one after another. */
class ByteWriter {
  #bytes = new Uint8Array(1 << 12);
  length = 0;

  push(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = byte;
  }

  append(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * needed);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/**
 * A binary module: one exported, growable memory named `memory`, and the named
 * functions, all exported. `call` refers to a function by its place in the record.
 */
export function assemble(
  functions: Record<string, WasmFunction>,
  memoryPages: number,
): Uint8Array<ArrayBuffer> {
  const list = Object.values(functions);
  const module = new ByteWriter();
  const section = (id: number, count: number, content: ArrayLike<number>) => {
    const counted = unsigned(count);
    module.push(id);
    module.append(unsigned(counted.length + content.length));
    module.append(counted);
    module.append(content);
  };
  const text = (name: string) => {
    const bytes = new TextEncoder().encode(name);
    return [...unsigned(bytes.length), ...bytes];
  };
  const types = list.map((f) => [
    0x60,
    ...unsigned(f.parameterTypes.length),
    ...f.parameterTypes,
    ...unsigned(f.resultTypes.length),
    ...f.resultTypes,
  ]);
  const exported = Object.keys(functions).map((name, index) => [
    ...text(name),
    0,
    ...unsigned(index),
  ]);
  const code = new ByteWriter();
  for (const f of list) f.assembleTo(code);
  const indices = list.map((_, index) => unsigned(index));
  const exports = [[...text("memory"), 2, 0], ...exported];
  module.append([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  section(1, types.length, types.flat());
  section(3, indices.length, indices.flat());
  section(5, 1, [0, ...unsigned(memoryPages)]);
  section(7, exports.length, exports.flat());
  section(10, list.length, code.written());
  return module.written();
}

function flatten(code: Code, bytes: ByteWriter): void {
  if (typeof code === "number") bytes.push(code);
  else if (code instanceof Local) {
    bytes.push(0x20);
    bytes.append(unsigned(code.index));
  } else {
    for (const part of code) flatten(part, bytes);
  }
}

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  if (value < 128) return [value];
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) {
    bytes.push(value % 128 + 128);
  }
  return [...bytes, value];
}

/** Signed LEB128. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = Number(BigInt.asUintN(7, value));
    value >>= 7n;
    if (value === (low & 64 ? -1n : 0n)) return [...bytes, low];
    bytes.push(low | 128);
  }
}

// ---------- variables, control, calls

export const set = (to: Local, value: Code): Code => [
  value,
  0x21,
  unsigned(to.index),
];
export const tee = (to: Local, value: Code): Code => [
  value,
  0x22,
  unsigned(to.index),
];
/** Runs `body`, and again while `condition` (evaluated after it) holds. */
export const doWhile = (body: Code, condition: Code): Code => [
  [0x03, 0x40],
  body,
  condition,
  [0x0d, 0, 0x0b],
];
export const when = (condition: Code, then: Code, otherwise?: Code): Code => [
  condition,
  [0x04, 0x40],
  then,
  otherwise === undefined ? [] : [0x05, otherwise],
  0x0b,
];
/** Leaves the function with this result. */
export const leave = (result: Code): Code => [result, 0x0f];
export const drop = (result: Code): Code => [result, 0x1a];
export const call = (index: number, ...operands: Code[]): Code => [
  operands,
  0x10,
  unsigned(index),
];

// ---------- scalars

const binary = (opcode: number) => (a: Code, b: Code): Code => [a, b, opcode];
const unary = (opcode: number) => (a: Code): Code => [a, opcode];
const memory = (opcode: number) => (address: Code, offset = 0): Code => [
  address,
  opcode,
  0,
  unsigned(offset),
];
const memoryStore =
  (opcode: number) => (address: Code, offset: number, value: Code): Code => [
    address,
    value,
    opcode,
    0,
    unsigned(offset),
  ];

export const i32 = (value: number): Code =>
  value >= 0 && value < 64 ? [0x41, value] : [0x41, signed(BigInt(value | 0))];
export const i32Load = memory(0x28);
export const i32Store = memoryStore(0x36);
export const i32Add = binary(0x6a);
export const i32Sub = binary(0x6b);
export const i32Mul = binary(0x6c);
export const i32And = binary(0x71);
export const i32Or = binary(0x72);
export const i32Xor = binary(0x73);
export const i32ShrS = binary(0x75);
export const i32ShrU = binary(0x76);
export const i32IsZero = unary(0x45);
export const i32LtU = binary(0x49);
export const i32GtU = binary(0x4b);

export const i64 = (value: bigint): Code => [0x42, signed(value)];
export const i64FromU32 = unary(0xad);
export const i64FromF64 = unary(0xb0);
export const i64Load = memory(0x29);
/** 32 bits, with their sign. */
export const i64Load32S = memory(0x34);
export const i64Store = memoryStore(0x37);
/** The lower 32 bits. */
export const i64Store32 = memoryStore(0x3e);
export const i64Add = binary(0x7c);
export const i64Sub = binary(0x7d);
export const i64Mul = binary(0x7e);
export const i64And = binary(0x83);
export const i64Or = binary(0x84);
export const i64Shl = binary(0x86);
export const i64ShrS = binary(0x87);
export const i64ShrU = binary(0x88);

export const f64 = (value: number): Code => [
  0x44,
  [...new Uint8Array(new Float64Array([value]).buffer)],
];
export const f64FromI64 = unary(0xb9);
export const f64Load = memory(0x2b);
export const f64Store = memoryStore(0x39);
export const f64Add = binary(0xa0);
export const f64Sub = binary(0xa1);
export const f64Mul = binary(0xa2);
export const f64Nearest = unary(0x9e);
export const f64Floor = unary(0x9c);
export const f64Lt = binary(0x63);

// ---------- vectors of two 64-bit lanes

const simd = (opcode: number): Code => [0xfd, unsigned(opcode)];
const vectorUnary = (opcode: number) => (a: Code): Code => [a, simd(opcode)];
/** An instruction of two vectors, by its number. */
export const vectorBinary = (opcode: number) => (a: Code, b: Code): Code => [
  a,
  b,
  simd(opcode),
];
const vectorShift = (opcode: number) => (a: Code, bits: number): Code => [
  a,
  i32(bits),
  simd(opcode),
];

/** An instruction that reads a vector from memory, by its number. */
export const vectorLoad =
  (opcode: number) => (address: Code, offset = 0): Code => [
    address,
    simd(opcode),
    0,
    unsigned(offset),
  ];
export const load = vectorLoad(0x00);
export const store = (address: Code, offset: number, value: Code): Code => [
  address,
  value,
  simd(0x0b),
  0,
  unsigned(offset),
];
/** Two lanes from two places in memory. */
export const loadLanes = (
  address0: Code,
  address1: Code,
  offset = 0,
): Code => [
  address1,
  [address0, simd(0x5d), 0, unsigned(offset)],
  [simd(0x57), 0, unsigned(offset), 1],
];
/** Both lanes of `value`, each to its own place in memory. */
export const storeLanes = (
  address0: Code,
  address1: Code,
  offset: number,
  value: Local,
): Code => [
  [address0, value, simd(0x5b), 0, unsigned(offset), 0],
  [address1, value, simd(0x5b), 0, unsigned(offset), 1],
];
const shuffle = (bytes: number[]) => (a: Code, b: Code): Code => [
  a,
  b,
  simd(0x0d),
  bytes,
];
/** (a0, b0) of (a0, a1) and (b0, b1). */
export const lowLanes = shuffle(
  [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23],
);
/** (a1, b1) of (a0, a1) and (b0, b1). */
export const highLanes = shuffle(
  [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31],
);
/** Eight bytes in reverse order, as an i64. */
export const i64LoadBigEndian = (address: Code, offset = 0): Code => [
  [address, simd(0x5d), 0, unsigned(offset)],
  [simd(0x0c), [7, 6, 5, 4, 3, 2, 1, 0], [0, 0, 0, 0, 0, 0, 0, 0]],
  [simd(0x0e)],
  [simd(0x1d), 0],
];
export const splat = vectorUnary(0x14);
export const splatI64 = vectorUnary(0x12);
export const and = vectorBinary(0x4e);
export const or = vectorBinary(0x50);
export const addI64 = vectorBinary(0xce);
export const subI64 = vectorBinary(0xd1);
export const shiftRightU = vectorShift(0xcd);
export const add = vectorBinary(0xf0);
export const sub = vectorBinary(0xf1);
export const mul = vectorBinary(0xf2);
/** a*b + c with one rounding where the machine has fused multiply-add, else with two. */
export const madd = (a: Code, b: Code, c: Code): Code => [
  a,
  b,
  c,
  simd(0x107),
];
