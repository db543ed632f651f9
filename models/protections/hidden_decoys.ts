/**
 * Adds decoy channels to hidden rounds.
 *
 * @module
 */
import { namesPlaces, operandOf } from "../../sdk/activations/operands.ts";
import { randomBelow } from "../../sdk/paillier/public/random_integer.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import { outputTensors } from "../../sdk/wire/check_interface.ts";
import { accumulatorBound, tensorNamed } from "../package/bounds.ts";
import type {
  ModelPackage,
  RoundSpec,
  Term,
  WeightTensor,
} from "../package/format.ts";

/**
 * Adds decoy channels behind the real ones of every hidden round that allows it:
 * `share` of the real ones, rounded up. Readers give them weight 0. Weight by
 * weight a decoy takes from one or the other of two real channels, so that single
 * answers do not tell it from them.
 *
 * Rounds are left as they are where channels are not free to grow: grouped
 * convolutions, reshapes, transposes, activations that are joined with others, slopes
 * that belong to channels.
 */
export function addHiddenDecoys(
  model: ModelPackage,
  share: number,
  random: RandomSource,
): ModelPackage {
  const tensors = new Map(model.tensors);
  const rounds = model.manifest.rounds.map((round) => ({ ...round }));
  const revealed = outputTensors(model.manifest);
  for (const [index, round] of rounds.entries()) {
    const readers = rounds.slice(index + 1);
    if (revealed.has(round.writes) || !growable(round, readers)) continue;
    const [channels] = round.outputShape;
    const decoys = Math.ceil(share * channels);
    const parents = Array.from(
      { length: decoys },
      () => [0, 1].map(() => Number(randomBelow(BigInt(channels), random))),
    );
    const grow = (name: string) =>
      tensors.set(name, crossRows(tensorNamed(tensors, name), parents, random));
    round.terms.forEach(({ weights }) => grow(weights));
    grow(round.bias);
    round.outputShape = [channels + decoys, ...round.outputShape.slice(1)];
    round.bound = accumulatorBound(round, tensors);
    for (const reader of readers) {
      reader.terms = reader.terms.map((term) =>
        term.reads === round.writes
          ? ignoreDecoys(term, channels, decoys, tensors)
          : term
      );
    }
  }
  return { manifest: { ...model.manifest, rounds }, tensors };
}

function growable(round: RoundSpec, readers: RoundSpec[]): boolean {
  const [channels] = round.outputShape;
  const read = readers.flatMap(({ terms }) =>
    terms.filter((term) => term.reads === round.writes)
  );
  const isOperand = readers.some(({ steps }) =>
    steps.some((step) => operandOf(step) === round.writes)
  );
  return read.length > 0 && !isOperand &&
    round.terms.every((term) => term.kind === "dense" || term.groups === 1) &&
    round.steps.every((step) =>
      step.op !== "reshape" && !namesPlaces(step) &&
      !(step.op === "leakyRelu" && step.negative.length > 1)
    ) &&
    read.every((term) =>
      term.kind === "dense"
        ? term.length % channels === 0
        : term.groups === 1 && term.inputShape[0] === channels
    );
}

/** The tensor with one more row for each pair of parents, a mixture of theirs. */
function crossRows(
  { shape: [rows, ...rest], data }: WeightTensor,
  parents: number[][],
  random: RandomSource,
): WeightTensor {
  const length = data.length / rows;
  const grown = new Int32Array((rows + parents.length) * length);
  grown.set(data);
  parents.forEach((pair, decoy) => {
    const choices = random(length);
    for (let i = 0; i < length; i++) {
      const parent = pair[choices[i] & 1];
      grown[(rows + decoy) * length + i] = data[parent * length + i];
    }
  });
  return { shape: [rows + parents.length, ...rest], data: grown };
}

/** The term on an input with `decoys` more channels, all of weight 0. */
function ignoreDecoys(
  term: Term,
  channels: number,
  decoys: number,
  tensors: Map<string, WeightTensor>,
): Term {
  const { shape, data } = tensorNamed(tensors, term.weights);
  const [outputs, inputs, ...rest] = shape;
  const added = inputs / channels * decoys;
  const rowLength = data.length / outputs;
  const widerLength = rowLength / inputs * (inputs + added);
  const wider = new Int32Array(outputs * widerLength);
  for (let o = 0; o < outputs; o++) {
    const row = data.subarray(o * rowLength, (o + 1) * rowLength);
    wider.set(row, o * widerLength);
  }
  tensors.set(term.weights, {
    shape: [outputs, inputs + added, ...rest],
    data: wider,
  });
  if (term.kind === "dense") return { ...term, length: inputs + added };
  const [, height, width] = term.inputShape;
  return { ...term, inputShape: [channels + decoys, height, width] };
}
