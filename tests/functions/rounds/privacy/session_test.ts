/** The SDK's session with models that reveal labels alone. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { simulate } from "../../../../models/simulate/simulate.ts";
import { PaillierEngine } from "../../../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../../../sdk/session/session.ts";
import {
  decodeRoundResponse,
  encodeRoundResponse,
} from "../../../../sdk/wire/codec.ts";
import { startCloud } from "../../../support/cloud.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
} from "../../../reference/tiny_models.ts";
import { testKey } from "../../../vectors/keys.ts";
import { labelled, largest } from "../../../support/guarded.ts";

const key = testKey(512);
const labels = ["zero", "one", "two", "three"];

function readings(model: ReturnType<typeof tinyLeNet>, count: number) {
  const [{ scale: [scale] }] = model.manifest.inputs;
  const integers = Array.from(
    { length: count },
    (_, i) => randomReading(model, i),
  );
  return { integers, reals: integers.map((x) => x.map((v) => v * scale)) };
}

for (
  const [privacy, samples] of [["paper", 2], ["standard", 2], [
    "strict",
    1,
  ]] as const
) {
  Deno.test(`${privacy}: a label, its number, and no scores`, async () => {
    const model = labelled(tinyLeNet(), privacy);
    model.manifest = {
      ...model.manifest,
      outputs: [{ ...model.manifest.outputs[0], labels }],
    };
    await using cloud = startCloud([model]);
    const { name } = model.manifest;
    await using session = await connect({
      url: cloud.url,
      model: name,
      keys: key,
      samples,
    });
    const { integers, reals } = readings(model, 4);
    const answers = await session.inferMany(reals);
    answers.forEach((answer, i) => {
      equal(answer.scores, null);
      equal(answer.label, labels[answer.predicted]);
      equal(answer.rounds.length, session.plan.rounds.length);
      if (privacy === "paper") {
        equal(answer.predicted, largest(simulate(model, integers[i]).integers));
      }
    });
  });
}

Deno.test("strict takes one sample at a time, and says so", async () => {
  const model = labelled(tinyDense(), "strict");
  await using cloud = startCloud([model]);
  const { name } = model.manifest;
  await rejects(
    connect({ url: cloud.url, model: name, keys: key, samples: 2 }),
    { code: "unsupported" },
  );
});

Deno.test("any plaintexts in any round: the same messages follow, and some label", async () => {
  using owner = new PaillierEngine(key, { threads: 0 });
  const { modulus, ciphertextBytes } = owner.publicKey;
  for (const privacy of ["standard", "strict"] as const) {
    const model = labelled(tinyDense(), privacy);
    await using cloud = startCloud([model]);
    const { reals: [reading] } = readings(model, 1);
    const rounds = privacy === "strict" ? 4 : 3;
    const patterns = new Set<string>();
    for (let forgedRound = 0; forgedRound < rounds; forgedRound++) {
      for (const plaintext of [0n, modulus - 1n, modulus / 2n]) {
        const messages: string[] = [];
        await using session = await connect({
          url: cloud.url,
          model: model.manifest.name,
          keys: owner,
          fetch: async (target, init) => {
            const { pathname, search } = new URL(`${target}`);
            messages.push(
              `${pathname}${search} ${(init!.body as Uint8Array).length}`,
            );
            const response = await fetch(target, init);
            if (!pathname.endsWith(`/rounds/${forgedRound}`)) return response;
            const answer = decodeRoundResponse(await response.bytes());
            const count = answer.ciphertexts.length / ciphertextBytes;
            const ciphertexts = await owner.encryptBatch(
              Array(count).fill(plaintext),
            );
            return new Response(
              encodeRoundResponse({
                ...answer,
                ciphertexts,
              }) as Uint8Array<ArrayBuffer>,
              { headers: { "content-type": "application/cbor" } },
            );
          },
        });
        const { predicted } = await session.infer(reading);
        ok(predicted >= 0 && predicted < 3, `${predicted}`);
        patterns.add(messages.join("\n"));
      }
    }
    // Token sizes are those of honest answers: all messages agree to the byte.
    deepEqual(patterns.size, 1);
  }
});
