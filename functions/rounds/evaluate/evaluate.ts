/**
 * Evaluates the linear map of a round on ciphertexts.
 *
 * @module
 */
import type { Kernel } from "../../../sdk/paillier/public/kernel.ts";
import { valuesInAnswer } from "../../../sdk/fixed_point/layout.ts";
import { expandOrder, type Order } from "../arithmetic/order.ts";
import type { AnswerRange, PackedAnswer } from "../arithmetic/answers.ts";
import { accumulate } from "./accumulate.ts";
import { Accumulators, identity } from "./accumulators.ts";
import type { CompiledMethod, CompiledRound } from "./compiled_round.ts";
import { checkUnits, loadOperands, modelPlaces } from "./operands.ts";
import { packSums, strideBits, sumsPerAnswer } from "./pack.ts";
import { ProductProgram } from "../arithmetic/product_program.ts";
import { invertModuloSquare, ProductTree } from "./product_tree.ts";
import { JointTable } from "./table.ts";

/** Parts of an evaluation, for profiles. */
export type Phase =
  | "import"
  | "inversion"
  | "tables"
  | "products"
  | "packing";

/** One call: a range of a round's answers on a request's ciphertexts. */
export interface RoundCall {
  modulus: bigint;
  ciphertexts: readonly Uint8Array[];
  /** For each input of the layout the order it was sent out in, null for none. */
  inputOrders: readonly (Order | null)[];
  /** The order in which channels are sent out, null for the model's own. */
  outputOrder: Order | null;
  range: AnswerRange;
  method: CompiledMethod;
}

/** What an evaluation needs to know of its round. */
export type RoundGeometry = Pick<CompiledRound, "map" | "plan">;

const one = 0;
const filler = 1;
const firstOperand = 2;

/**
 * Evaluates a range of a round's answers: products of powers, packed, without
 * bias, masks and re-randomisation. Yields often, so that a server stays
 * responsive.
 *
 * Registers in use at once, with O operands (ciphertexts of the request), G table
 * entries of one group (at most 2,047 and a few powers), and T targets (sums, or
 * answers) of P accumulators: 2 + 3 O + G + (P + 1) T, whatever the number of weights.
 *
 * @throws {CipherlayerError} `ciphertext-out-of-range` if one is not a unit
 */
export function* evaluateRound(
  kernel: Kernel,
  round: RoundGeometry,
  call: RoundCall,
  onPhase: (phase: Phase) => void = () => {},
): Generator<void, PackedAnswer[]> {
  const { map, plan: { layout } } = round;
  const { modulus, range } = call;
  const { strategy, packing, digits } = call.method;
  const answers = range.to - range.from;
  const perAnswer = sumsPerAnswer(layout);
  const shiftOutputs = packing === "shift-outputs";
  const sums = sumsInRange(round, call);
  const targets = shiftOutputs ? sums.length : answers;

  const inverses = firstOperand + map.operands;
  const scratch = inverses + (strategy.groupSize > 1 ? map.operands : 0);
  const firstAccumulator = scratch + Math.max(map.operands, targets);
  const firstEntry = firstAccumulator +
    Accumulators.registers(strategy, targets);
  const arithmetic = kernel.open(
    [modulus, modulus],
    firstEntry + (strategy.buckets ? 0 : JointTable.registers(strategy)),
  );
  const program = new ProductProgram(arithmetic, filler);
  const enter = (phase: Phase) => {
    program.flush();
    onPhase(phase);
  };
  arithmetic.loadPair(one, 0, 1n, 0n);

  enter("import");
  const operands = consecutive(firstOperand, map.operands);
  const places = modelPlaces(layout, call.inputOrders);
  yield* loadOperands(
    program,
    call.ciphertexts,
    // Elements that share a ciphertext stay where they are; their weights come to them.
    map.fold > 1 ? consecutive(0, map.operands) : places,
    firstOperand,
  );
  const tree = new ProductTree(program, operands, scratch);
  const accumulators = new Accumulators(
    strategy,
    targets,
    firstAccumulator,
    one,
  );
  const table = strategy.buckets ? null : new JointTable(strategy, firstEntry);
  const passes = shiftOutputs ? 1 : perAnswer;
  for (let pass = 0; pass < passes; pass++) {
    if (pass > 0) {
      enter("packing");
      yield* squareAll(program, operands, strideBits(layout));
    }
    enter("inversion");
    if (pass === 0 || strategy.groupSize > 1) {
      const product = yield* tree.multiply();
      if (pass === 0) checkUnits(product, modulus);
      if (strategy.groupSize > 1) {
        const inverse = invertModuloSquare(product, modulus);
        yield* tree.invert(inverse, consecutive(inverses, map.operands));
      }
    }
    const targetOf = new Int32Array(map.values * map.fold).fill(-1);
    sums.forEach((sum, place) => {
      if (shiftOutputs) targetOf[sum] = place;
      else if (place % perAnswer === pass) {
        targetOf[sum] = Math.floor(place / perAnswer);
      }
    });
    yield* accumulate(program, {
      map,
      strategy,
      digits,
      columns: map.fold > 1 ? places : null,
      operands: firstOperand,
      inverses,
      targets: targetOf,
      accumulators,
      table,
      onPhase: enter,
    });
  }

  const parts = yield* accumulators.combine(program);
  enter("inversion");
  let registers = yield* divide(program, parts, scratch);
  if (shiftOutputs) {
    enter("packing");
    registers = yield* packSums(program, layout, range, registers);
  }
  if (layout.kind === "dense" && layout.guardBits === 1) {
    for (const register of registers) {
      if (register !== identity) program.multiply(register, register, register);
    }
  }
  program.flush();
  return Array.from(
    registers,
    (register) =>
      arithmetic.storePair(register === identity ? one : register, 0),
  );
}

/** The model's number of each value in the range, in the order the gateway sees. */
export function valuesInRange(
  round: RoundGeometry,
  { range, outputOrder }: Pick<RoundCall, "range" | "outputOrder">,
): Int32Array {
  const { map: { channels, phases }, plan: { layout } } = round;
  const perAnswer = layout.valuesPerCiphertext;
  const first = range.from * perAnswer;
  const count = range.to === range.from
    ? 0
    : (range.to - 1) * perAnswer + valuesInAnswer(layout, range.to - 1) - first;
  const order = outputOrder && expandOrder(outputOrder, channels);
  return Int32Array.from({ length: count }, (_, i) => {
    const place = Math.floor((first + i) / phases);
    const channel = order ? order[place] : place;
    return channel * phases + (first + i) % phases;
  });
}

/** The number of each sum of the range, in the order the gateway sees. */
function sumsInRange(
  round: RoundGeometry,
  call: Pick<RoundCall, "range" | "outputOrder">,
): Int32Array {
  const { fold } = round.map;
  const values = valuesInRange(round, call);
  return Int32Array.from(
    { length: values.length * fold },
    (_, i) => values[Math.floor(i / fold)] * fold + i % fold,
  );
}

/** Numerators over denominators (entries 2t and 2t+1), with one inversion. */
function* divide(
  program: ProductProgram,
  parts: Int32Array,
  scratch: number,
): Generator<void, Int32Array> {
  const denominators = parts.filter((register, i) =>
    i % 2 === 1 && register !== identity
  );
  if (denominators.length > 0) {
    const tree = new ProductTree(program, denominators, scratch);
    const product = yield* tree.multiply();
    const [modulus] = program.arithmetic.moduli;
    yield* tree.invert(invertModuloSquare(product, modulus), denominators);
  }
  return Int32Array.from({ length: parts.length / 2 }, (_, t) => {
    const numerator = parts[2 * t], inverse = parts[2 * t + 1];
    if (numerator === identity) return inverse;
    if (inverse !== identity) program.multiply(numerator, numerator, inverse);
    return numerator;
  });
}

function* squareAll(
  program: ProductProgram,
  registers: ArrayLike<number>,
  times: number,
): Generator<void, void> {
  for (let i = 0; i < times; i++) {
    for (let r = 0; r < registers.length; r++) {
      program.multiply(registers[r], registers[r], registers[r]);
    }
    yield;
  }
}

function consecutive(first: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => first + i);
}
