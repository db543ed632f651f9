/**
 * ONNX's own node tests: what is taken gives what ONNX expects, by the rounds in floating
 * point and by the independent evaluator, and a part of them in integers; what is refused
 * is on the list.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { runFloat } from "../../../../models/compiler/float_reference.ts";
import type { FloatNetwork } from "../../../../models/compiler/ir.ts";
import { lower } from "../../../../models/compiler/lower/lower.ts";
import { detachTail } from "../../../../models/compiler/lower/score_display.ts";
import { UnsupportedModelError } from "../../../../models/compiler/lower/unsupported.ts";
import { floatStatistics } from "../../../../models/compiler/quantise/statistics.ts";
import {
  chooseInputs,
  quantiseInputs,
} from "../../../../models/compiler/quantise/inputs.ts";
import { quantiseRounds } from "../../../../models/compiler/quantise/quantise.ts";
import { realOutputs } from "../../../../models/compiler/quantise/report.ts";
import { evaluator } from "../../../../models/compiler/reference/evaluate.ts";
import {
  hasNodeTests,
  type NodeTest,
  nodeTestNames,
  readNodeTest,
} from "./node_test_data.ts";
import { refusedFiles, refusedForms, unknownOperators } from "./refusals.ts";

/** Half precision, in which some tests expect their result, has 11 bits. */
const maxDifference = 5e-4;

/** Every so many-th test that is taken is quantised, too. */
const quantisedStep = 6;

/** Functions that jump: beside a jump the least error is a whole step. */
const jumping = new Set(["Ceil", "Floor", "Round", "Shrink", "Sign"]);

/** Readings of 10,003, in which differences of 1 are less than half a step of 12 bits. */
const tooCoarse = new Set(["node/test_softmax_large_number"]);

/** The network; or why the list allows that there is none. */
function taken(test: NodeTest): FloatNetwork | null {
  try {
    return lower(test.graph);
  } catch (error) {
    if (error instanceof UnsupportedModelError) {
      for (const { operator, why } of error.nodes) {
        ok(isListed(operator, why), `${operator}: ${why}`);
      }
    } else allowFile(error);
    return null;
  }
}

const used = new Set<unknown>();

function isListed(operator: string, why: string): boolean {
  if (why === "the operator is not known") {
    used.add(operator);
    return Object.values(unknownOperators).flat().includes(operator);
  }
  const forms = refusedForms.filter(([operators, reason]) =>
    operators.test(operator) && reason.test(why)
  );
  for (const form of forms) used.add(form);
  return forms.length > 0;
}

function allowFile(error: unknown): void {
  const { message } = error as Error;
  const reason = refusedFiles.find((pattern) => pattern.test(message));
  if (!reason) throw error;
  used.add(reason);
}

/** Relative L2 difference; infinite where lengths differ. */
function difference(wanted: Float64Array, got: ArrayLike<number>): number {
  if (wanted.length !== got.length) return Infinity;
  let sum = 0, size = 0;
  wanted.forEach((value, i) => {
    sum += (value - got[i]) ** 2;
    size += value ** 2;
  });
  return sum === 0 ? 0 : Math.sqrt(sum / size);
}

/** The scores as the model's last operator would show them. */
function shown(
  scores: Float64Array,
  { outputs: [output] }: FloatNetwork,
): Float64Array {
  if (output.tail === "none") return scores;
  const max = scores.reduce((a, b) => Math.max(a, b));
  const sum = scores.reduce((total, x) => total + Math.exp(x - max), 0);
  return scores.map((x) =>
    output.tail === "softmax"
      ? Math.exp(x - max) / sum
      : x - max - Math.log(sum)
  );
}

/** 12-bit integers follow the rounds on the reading itself. */
function quantisedError(network: FloatNetwork, reading: Float64Array): number {
  const readings = [reading], { rounds } = network;
  const bits = {
    input: 12,
    weights: rounds.map(() => 12),
    activations: rounds.map(() => 12),
  };
  const scores = realOutputs(
    network,
    quantiseRounds(network, {
      statistics: floatStatistics(network, readings),
      inputs: quantiseInputs(
        network,
        readings,
        chooseInputs(network, readings, 12),
      ),
      bits,
    }),
  );
  return difference(runFloat(network, reading), scores[0]);
}

Deno.test({
  name: "ONNX's node tests give what ONNX expects, or are refused by the list",
  ignore: !hasNodeTests,
  fn: () => {
    let count = 0, quantised = 0;
    const wrong: string[] = [];
    for (const name of nodeTestNames()) {
      let test: NodeTest;
      try {
        test = readNodeTest(name);
      } catch (error) {
        allowFile(error);
        continue;
      }
      const network = taken(test);
      const { graph, reading, expected } = test;
      // Text and NaN have no integers.
      if (!network || ![...reading, ...expected].every(Number.isFinite)) {
        continue;
      }
      const check = (way: string, error: number, max: number) => {
        if (!(error <= max)) wrong.push(`${name}, ${way}: ${error}`);
      };
      const { removed } = detachTail(graph, graph.outputs[0].name);
      const scores = evaluator(graph, [network.outputs[0].end])(reading);
      const float = runFloat(network, reading);
      check("evaluator", difference(scores, float), 1e-6);
      if (removed.every(({ operator }) => operator !== "ArgMax")) {
        check(
          "rounds",
          difference(expected, shown(float, network)),
          maxDifference,
        );
      }
      const jumps = graph.nodes.some(({ operator }) => jumping.has(operator));
      const isFine = !jumps && !tooCoarse.has(name);
      if (count++ % quantisedStep === 0 && isFine) {
        quantised++;
        check("12 bits", quantisedError(network, reading), .01);
      }
    }
    deepEqual(wrong, []);
    ok(
      count >= 200 && quantised >= 30,
      `${count} taken, ${quantised} quantised`,
    );
    const listed = [
      ...Object.values(unknownOperators).flat(),
      ...refusedForms,
      ...refusedFiles,
    ];
    equal(listed.filter((entry) => !used.has(entry)).join(), "");
  },
});
