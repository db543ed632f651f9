/**
 * Attack: inputs beyond their range, so that slots overflow into each other.
 *
 * @module
 */
import { usedSlots } from "../../sdk/fixed_point/layout.ts";
import { type Finding, finding } from "../report/report.ts";
import { openScoreLayer } from "../client/score_layer.ts";
import { compareRows, zeroShare } from "../measure/scoring.ts";
import {
  type AttackContext,
  firstWeights,
  roundName,
} from "../client/attack_context.ts";

/** Wide enough for any weight of 8 bits and a sign. */
const digitBits = 10;
/** Of rows shorter than this, some found one fits any true one. */
const minColumns = 8;

/**
 * Inputs wider than their slots: input j carries 2^(10 j), so that an answer spells
 * out the weights of a row as digits, as many as its unmasked bits hold. Then an
 * input that is a multiple of 2^U, which would show above the used bits.
 */
export async function wide(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const { round, samples, token, layer } = await openScoreLayer(context);
  const { layout } = client.plan.rounds[round];
  if (layout.kind !== "dense" || layout.fold > 1) {
    return finding(roundName(target, round), "not tried: folded inputs");
  }
  const blockBits = samples * layout.slotBits;
  const columns = Math.min(
    layer.guarded.inputs,
    Math.floor(blockBits / digitBits) - 1,
  );
  const ask = async (plaintexts: bigint[]) => {
    const ciphertexts = await client.owner.encryptBatch(plaintexts);
    const answer = await client.send(round, token, ciphertexts);
    return await client.owner.decryptBatch(answer.ciphertexts);
  };
  const zeros = Array<bigint>(layer.guarded.inputs).fill(0n);
  const before = await ask(zeros);
  const digits = zeros.map((_, j) =>
    j < columns ? 1n << BigInt(digitBits * j) : 0n
  );
  const after = await ask(digits);
  const found = after.flatMap((residue, answer) =>
    signedDigits(
      BigInt.asUintN(
        usedSlots(layout, answer) * layout.slotBits,
        residue - before[answer],
      ),
      blockBits,
      columns,
      Math.round(usedSlots(layout, answer) / samples),
    )
  );
  const usedBits = usedSlots(layout, 0) * layout.slotBits;
  const above = await aboveUsed(usedBits, zeros, ask);
  const truth = firstWeights(layer.owners.rows, columns);
  const outcome =
    `${columns} weights of each row in one answer of ${usedBits} bits; above these bits: ${above}`;
  if (columns < minColumns) {
    return finding(
      roundName(target, round),
      `${outcome}; too few to tell a row by`,
    );
  }
  const { recovered, cosine } = compareRows(found, truth);
  return finding(
    roundName(target, round),
    outcome,
    {
      scaledDown: columns < layer.guarded.inputs
        ? `${columns} of ${layer.guarded.inputs} inputs, as many as an answer holds`
        : null,
      recovered,
      chance: zeroShare(truth),
      cosine,
    },
  );
}

/** Digits of signed values that lie side by side, lowest first. */
function signedDigits(
  whole: bigint,
  blockBits: number,
  digits: number,
  values: number,
): Float64Array[] {
  let rest = whole;
  return Array.from({ length: values }, () => {
    let block = BigInt.asIntN(blockBits, rest);
    rest = (rest - block) >> BigInt(blockBits);
    return Float64Array.from({ length: digits }, () => {
      const digit = BigInt.asIntN(digitBits, block);
      block = (block - digit) >> BigInt(digitBits);
      return Number(digit);
    });
  });
}

/** Whether the same answer twice agrees anywhere above the used bits. */
async function aboveUsed(
  usedBits: number,
  zeros: bigint[],
  ask: (plaintexts: bigint[]) => Promise<bigint[]>,
): Promise<string> {
  const input = zeros.map((_, i) => i === 0 ? 1n << BigInt(usedBits + 40) : 0n);
  const shift = BigInt(usedBits + 40);
  const first = await ask(input), second = await ask(input);
  const same = first.filter((residue, i) =>
    residue >> shift === second[i] >> shift
  );
  return `${same.length} of ${first.length} answers alike in two calls`;
}
