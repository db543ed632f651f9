/** Building the garbled calls of a plan: bounded over all rounds, and stopped at once. */
import { ok, rejects, throws } from "node:assert/strict";
import { readPackage } from "../../models/package/read_package.ts";
import { planSealed } from "../../models/planner/sealed.ts";
import {
  BuildBudget,
  planLimits,
} from "../../sdk/garbling/rounds/build_budget.ts";
import type { SealedPlan } from "../../sdk/garbling/rounds/round.ts";
import {
  sealedRounds,
  sealedRoundsPaced,
} from "../../sdk/garbling/rounds/sealed_rounds.ts";
import type { GatewayStep } from "../../sdk/wire/plan.ts";
import { withoutPatience } from "./without_patience.ts";
import { sealedModel } from "../support/sealed_session.ts";

type Kind = keyof typeof planLimits;
const kinds = Object.keys(planLimits) as Kind[];

/** A plan of dense rounds of `length` values each, as a hostile cloud may send it. */
function planOf(
  length: number,
  slotBits: number,
  steps: GatewayStep[][],
): SealedPlan {
  const values = { shape: [length], labels: null, units: null };
  const scaling = { scale: [1], offset: [0] };
  return {
    format: 2,
    samples: 1,
    inputs: [{ name: "x", ...values, ...scaling, low: -1, high: 1 }],
    outputs: [{
      name: "y",
      ...values,
      ...scaling,
      tensor: `a${steps.length - 1}`,
      start: 0,
      tail: "none",
    }],
    states: [],
    reveal: "label",
    powerOfTwo: false,
    rounds: steps.map((own, i) => ({
      layout: {
        kind: "dense",
        samples: 1,
        fold: 1,
        inputs: [{ tensor: i > 0 ? `a${i - 1}` : "x", length }],
        outputLength: length,
        slotBits,
        guardBits: 0,
        valuesPerCiphertext: length,
      },
      steps: own,
      writes: `a${i}`,
      shards: 1,
      valueBits: slotBits,
    })),
  } as SealedPlan;
}

/** Counts what is spent, refused or not. */
class CountingBudget extends BuildBudget {
  readonly counts = new Map<Kind, number>();

  override spend(kind: Kind, count: number): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + count);
    super.spend(kind, count);
  }
}

const pool = (stride: number, pad: number): GatewayStep => ({
  op: "maxPool",
  kernel: [1, 1],
  stride: [stride, stride],
  dilation: [1, 1],
  pads: [0, 0, pad, pad],
});

/** Two values spread over maps of side^2, which are turned some times. */
const widePlan = (side: number, turns: number): SealedPlan =>
  planOf(2, 52, [[
    { op: "reshape", shape: [2, 1, 1] },
    pool(1, side - 1),
    ...Array.from({ length: turns }, (): GatewayStep => ({
      op: "transpose",
      shape: [2, side, side],
      order: [0, 2, 1],
    })),
    pool(side, 0),
  ]]);

for (
  const [name, samples] of [
    ["appliance", 4],
    ["lenet-mnist", 1],
    ["meter-digits", 2],
    ["occupancy", 32],
  ] as const
) {
  Deno.test(`${name} takes at most a sixth of what a plan may, at its largest batch`, async () => {
    const model = sealedModel(
      await readPackage(`models/zoo/${name}/package`),
    );
    const plan = planSealed(model, { modulusBits: 2048, samples });
    const budget = new BuildBudget();
    for (const kind of kinds) {
      budget.spend(kind, Math.ceil(planLimits[kind].max * 5 / 6));
    }
    ok(sealedRounds(plan, budget).length > 1);
  });
}

Deno.test("refuses rounds of too many gates in all before building the rest", () => {
  const length = 16;
  const steps = Array.from(
    { length: 64 },
    (_, i): GatewayStep =>
      i % 2 === 0
        ? {
          op: "leakyRelu",
          positive: 0b1010101010101011,
          negative: Array.from(
            { length },
            (_, k) => 0b1010101010101011 - 4 * k,
          ),
        }
        : {
          op: "requantise",
          multiplier: 0b101010101010101,
          shift: 29,
          low: -(2 ** 20) + 1,
          high: 2 ** 20 - 1,
        },
  );
  const budget = new CountingBudget();
  const plan = planOf(length, 21, Array.from({ length: 40 }, () => steps));
  throws(() => sealedRounds(plan, budget), {
    code: "unsupported",
    message: /gates in all rounds/,
  });
  ok(budget.counts.get("gates")! < 1.5 * planLimits.gates.max);
});

Deno.test("refuses wide stages without gates by the labels that they move", () => {
  throws(() => sealedRounds(widePlan(100, 20)), {
    code: "unsupported",
    message: /labels read in all rounds/,
  });
});

Deno.test("refuses a call that takes more memory than a gateway gives", () => {
  throws(() => sealedRounds(widePlan(181, 1)), {
    code: "unsupported",
    message: /bytes of memory/,
  });
});

Deno.test("building gives way between rounds, and ends with the signal's reason", async () => {
  const relu: GatewayStep = { op: "relu" };
  const plan = planOf(4, 21, Array.from({ length: 9 }, () => [relu]));
  const aborting = new AbortController();
  await withoutPatience(async () => {
    setTimeout(() => aborting.abort("enough"), 0);
    await rejects(
      sealedRoundsPaced(plan, aborting.signal),
      (reason) => reason === "enough",
    );
  });
});
