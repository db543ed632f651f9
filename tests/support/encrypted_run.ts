/**
 * One inference on ciphertexts, against functions in the same process.
 *
 * @module
 */
import { createApp } from "../../functions/app.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { connect } from "../../sdk/session/session.ts";
import { owner, sealingKey } from "./gateway.ts";

/** What the session answers. */
export async function encryptedRun(
  model: ModelPackage,
  reading: ArrayLike<number>,
) {
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
  });
  await using session = await connect({
    url: "http://functions",
    model: model.manifest.name,
    keys: owner,
    fetch: (input, init) =>
      Promise.resolve(app.fetch(new Request(input, init))),
  });
  return await session.infer(Array.from(reading));
}
