/** Forecasts of sealed inferences against what travels in one. */
import { ok } from "node:assert/strict";
import { readPackage } from "../../../models/package/read_package.ts";
import { defaultCosts } from "../../../models/planner/cost_model.ts";
import { forecastSealed } from "../../../models/planner/sealed_forecast.ts";
import { garbledBytes } from "../../../sdk/garbling/rounds/run.ts";
import { encodeSealed } from "../../../sdk/wire/sealed_messages.ts";
import { SealedBench } from "../../support/sealed.ts";

const options = { modulusBits: 2048, samples: 1, costs: defaultCosts(2048) };

Deno.test("bytes are forecast within a fifth for each round, within 3 % for all", async () => {
  const model = await readPackage("models/zoo/occupancy-sealed");
  const { rounds } = forecastSealed(model, options);
  const bench = new SealedBench(model, { keyBits: 2048 });
  const up = rounds.map(() => 0), down = rounds.map(() => 0);
  await bench.infer([Float64Array.of(100, 100, 100, 100)], {
    linear(index, request, reply) {
      up[index] += encodeSealed(request).length;
      down[index] += encodeSealed(reply).length;
    },
    activation(index, request) {
      up[index] += encodeSealed(request).length;
      down[index] += garbledBytes(bench.model.rounds[index].stages) + 16;
    },
    token(index, token) {
      down[index] += token.length;
    },
  });
  rounds.forEach(({ bytesUp, bytesDown }, i) => {
    ok(Math.abs(bytesUp / up[i] - 1) < .2, `${bytesUp} up, ${up[i]}`);
    ok(Math.abs(bytesDown / down[i] - 1) < .2, `${bytesDown}, ${down[i]}`);
  });
  const sum = (list: number[]) => list.reduce((a, b) => a + b);
  const all = sum(up) + sum(down);
  const { total, setup } = forecastSealed(model, options);
  ok(Math.abs((total.bytesUp + total.bytesDown) / all - 1) < .03);
  ok(setup.bytesDown > 80_000);
});

Deno.test("a slower line makes a forecast longer by its bytes", async () => {
  const model = await readPackage("models/zoo/occupancy-sealed");
  const at = (byteMs: number) =>
    forecastSealed(model, { ...options, costs: { ...options.costs, byteMs } })
      .total;
  // Work overlaps the line: what is longer counts.
  const none = at(0), fast = at(.001), slow = at(1), slower = at(2);
  const bytes = slow.bytesUp + slow.bytesDown;
  ok(fast.totalMs > none.totalMs);
  ok(fast.totalMs <= none.totalMs + bytes / 1000);
  ok(Math.abs(slower.totalMs - slow.totalMs - bytes) < 1e-6);
});
