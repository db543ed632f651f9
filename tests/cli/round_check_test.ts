/** The comparison of every round: right ones pass, and one weight is enough to fail. */
import { equal } from "node:assert/strict";
import { openService } from "../../cli/commands/encrypted.ts";
import {
  equalInEveryRound,
  RememberingOwner,
} from "../../cli/commands/round_check.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { randomReading, tinyLeNet } from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";

Deno.test("compares every round: equal as served, different with another weight or reading", async () => {
  const tiny = tinyLeNet();
  const model: ModelPackage = {
    ...tiny,
    manifest: { ...tiny.manifest, reveal: "scores" },
  };
  const [{ scale: [scale], offset: [offset] }] = model.manifest.inputs;
  const readings = [1, 2, 3].map((seed) => randomReading(model, seed));
  using owner = new RememberingOwner(testKey(512));
  await using service = await openService(
    model,
    { keyBits: 512, insecure: true },
    { samples: 4, owner },
  );
  const { session } = service;
  owner.follow(session);
  await session.inferMany(
    readings.map((reading) => reading.map((x) => x * scale + offset)),
  );

  equal(equalInEveryRound(model, session, owner, readings), true);
  equal(
    equalInEveryRound(model, session, owner, readings.toReversed()),
    false,
  );
  for (const { name, bias } of model.manifest.rounds) {
    const tensors = new Map(model.tensors);
    const { shape, data } = tensors.get(bias)!;
    tensors.set(bias, { shape, data: data.map((x, i) => i === 0 ? x + 1 : x) });
    const other = { ...model, tensors };
    equal(equalInEveryRound(other, session, owner, readings), false, name);
  }
});
