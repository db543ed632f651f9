/** Plans of a cloud that is not trusted: what passes is safe to carry out. */
import fc from "fast-check";
import { applySteps } from "../../../sdk/activations/apply.ts";
import { checkPlan } from "../../../sdk/session/check_plan.ts";
import { ok } from "node:assert/strict";
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import {
  inputActivations,
  nextStates,
} from "../../../sdk/fixed_point/quantise.ts";
import { readOutputs } from "../../../sdk/session/answer.ts";
import { sum } from "../../../sdk/support/numbers.ts";
import {
  answerCiphertexts,
  inputCiphertexts,
} from "../../../sdk/fixed_point/layout.ts";
import { packInputs, unpackAnswers } from "../../../sdk/fixed_point/packing.ts";
import {
  decodeSessionResponse,
  encodeSessionResponse,
} from "../../../sdk/wire/codec.ts";
import type { SessionResponse } from "../../../sdk/wire/messages.ts";
import type { InferencePlan } from "../../../sdk/wire/plan.ts";
import type { InputSpec } from "../../../sdk/wire/values.ts";
import { owner } from "../../support/gateway.ts";
import { readCorpus } from "../corpus.ts";
import { coded, type FuzzTarget, taken } from "../target.ts";
import { damagedTrees, type Tree } from "../trees.ts";

/** What the gateway would hold or do; above it, a plan is checked and not tried. */
const maxTried = 2 ** 16;

export function plan(): FuzzTarget<[Tree, bigint]> {
  const sessions = readCorpus("session-response").map(decodeSessionResponse);
  const { modulus } = owner.publicKey;
  const custom = new Map([["swish", (x: number) => x / 2]]);
  return {
    inputs: fc.tuple(
      damagedTrees(sessions.map((session) => session.plan)),
      fc.bigInt({ min: 0n, max: modulus - 1n }),
    ),
    check([tree, answer]) {
      const received = taken(coded("malformed"), () => {
        const { plan } = sent({ ...sessions[0], plan: tree as never });
        checkPlan(plan, { samples: plan.samples, modulusBits: 512 });
        return plan;
      });
      if (received === null || !isSmall(received)) return;
      // Nothing may throw from here on, whatever the cloud answers.
      const zeros = new Float64Array(inputElements(received));
      const live = inputActivations(
        Array.from({ length: received.samples }, () => zeros),
        received.inputs,
      );
      for (const { layout, steps, writes } of received.rounds) {
        packInputs(layout, live, modulus);
        const answers = Array(answerCiphertexts(layout)).fill(answer);
        const accumulators = unpackAnswers(layout, answers);
        if (steps.some(({ op }) => op === "custom")) return;
        live.set(
          writes,
          applySteps(steps, accumulators, { registry: custom, live }),
        );
      }
      const { outputs } = readOutputs(live, 0, received);
      const state = new Map(Object.entries(outputs ?? {}));
      for (const [name, values] of nextStates(received, state)) {
        const input: InputSpec = received.inputs.find((spec) =>
          spec.name === name
        )!;
        ok(values.every((value) => value >= input.low && value <= input.high));
      }
    },
    quickCases: 1000,
  };
}

/** As it arrives. */
function sent(session: SessionResponse): SessionResponse {
  return decodeSessionResponse(encodeSessionResponse(session));
}

function inputElements({ inputs }: InferencePlan): number {
  return sum(inputs.map(({ shape }) => elementCount(shape)));
}

function isSmall(plan: InferencePlan): boolean {
  const { rounds, samples } = plan;
  return samples * inputElements(plan) <= maxTried &&
    rounds.every(({ layout, steps }) =>
      inputCiphertexts(layout) + answerCiphertexts(layout) <= maxTried &&
      steps.every((step) =>
        !("kernel" in step) || elementCount(step.kernel) <= maxTried
      )
    );
}
