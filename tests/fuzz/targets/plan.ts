/** Plans of a cloud that is not trusted: what passes is safe to carry out. */
import fc from "fast-check";
import { applySteps } from "../../../sdk/activations/apply.ts";
import { checkPlan } from "../../../sdk/session/check_plan.ts";
import {
  elementCount,
  type IntegerTensor,
} from "../../../sdk/fixed_point/integer_tensor.ts";
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
import { owner } from "../../support/gateway.ts";
import { readCorpus } from "../corpus.ts";
import { coded, type FuzzTarget, taken } from "../target.ts";
import { damagedTrees, type Tree } from "../trees.ts";

/** What the edge would hold or do; above it, a plan is checked and not tried. */
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
      const zeros = new Float64Array(elementCount(received.input.shape));
      const live = new Map<string, IntegerTensor>([["input", {
        shape: received.input.shape,
        samples: Array.from({ length: received.samples }, () => zeros),
      }]]);
      for (const { layout, steps, writes } of received.rounds) {
        packInputs(layout, live, modulus);
        const answers = Array(answerCiphertexts(layout)).fill(answer);
        const accumulators = unpackAnswers(layout, answers);
        if (steps.some(({ op }) => op === "custom")) return;
        live.set(writes, applySteps(steps, accumulators, custom));
      }
    },
    quickCases: 1000,
  };
}

/** As it arrives. */
function sent(session: SessionResponse): SessionResponse {
  return decodeSessionResponse(encodeSessionResponse(session));
}

function isSmall({ input, rounds, samples }: InferencePlan): boolean {
  return samples * elementCount(input.shape) <= maxTried &&
    rounds.every(({ layout, steps }) =>
      inputCiphertexts(layout) + answerCiphertexts(layout) <= maxTried &&
      steps.every((step) =>
        !("kernel" in step) || elementCount(step.kernel) <= maxTried
      )
    );
}
