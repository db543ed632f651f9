/** Sealed models are made ready between other calls. */
import { equal, ok, rejects } from "node:assert/strict";
import { SealedModels } from "../../../../functions/rounds/sealed/sealed_models.ts";
import { SealedModel } from "../../../../functions/rounds/sealed/sealed_model.ts";
import { readPackage } from "../../../../models/package/read_package.ts";

const model = await readPackage("models/zoo/lenet-mnist-pool-first-sealed");
const size = { modulusBits: 2048, samples: 1 };

Deno.test("the event loop runs while a sealed model is planned and built, which counts for its caller", async () => {
  const models = new SealedModels();
  const caller = { usedMs: 0 };
  let turns = 0, isReady = false;
  const turn = () => {
    turns++;
    if (!isReady) setTimeout(turn);
  };
  setTimeout(turn);
  const sealed = await models.get(model, size, caller);
  isReady = true;
  ok(turns > 5, `${turns} turns`);
  ok(caller.usedMs > 0);
  // Once.
  equal(await models.get(model, size), sealed);
  const atOnce = new SealedModel(model, size);
  equal(sealed.planHash.toHex(), atOnce.planHash.toHex());
  equal(
    sealed.rounds.map(({ digest }) => digest.toHex()).join(),
    atOnce.rounds.map(({ digest }) => digest.toHex()).join(),
  );
});

Deno.test("what cannot be sealed is refused each time it is asked for", async () => {
  const models = new SealedModels();
  const manifest = { ...model.manifest, reveal: "scores" as const };
  const scores = { ...model, manifest };
  for (let i = 0; i < 2; i++) {
    await rejects(models.get(scores, size), { code: "unsupported" });
  }
});
