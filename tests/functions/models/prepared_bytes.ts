/**
 * Prints what each of some models takes once it is made ready for as many key lengths and
 * batches as are kept, and what the cache counts for it. Runs with --expose-gc.
 *
 * @module
 */
import { bytesOf } from "../../../functions/models/model_cache.ts";
import { PreparedModels } from "../../../functions/rounds/prepared_model.ts";
import { SealedModels } from "../../../functions/rounds/sealed/sealed_models.ts";
import { readPackage } from "../../../models/package/read_package.ts";

const { gc } = globalThis as unknown as { gc: () => void };

async function usedBytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    // What the last turn of the event loop used is free in the next.
    await new Promise((resolve) => setTimeout(resolve));
    gc();
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Reads a package and makes it ready; what is returned keeps all that is kept. */
async function prepare(folder: string, plans: number) {
  const model = await readPackage(folder);
  const open = new PreparedModels(new Uint8Array(32));
  const sealed = new SealedModels();
  for (let samples = 1; samples <= plans; samples++) {
    const size = { modulusBits: 2048, samples };
    if (model.manifest.privacy === "sealed") {
      const made = await sealed.get(model, size);
      for (const i of made.plan.rounds.keys()) made.compiled(i).method(1);
    } else {
      const made = await open.get(model, size);
      for (const i of made.plan.rounds.keys()) made.round(i).method(1);
    }
  }
  return { model, open, sealed };
}

/** Held to the end, so that nothing is freed between two looks at the memory. */
const all: unknown[] = [];

/** Folder and number of plans. */
for (const job of Deno.args) {
  const [folder, plans] = job.split(":");
  // Code and the tables that it makes once are there now.
  all.push(await prepare(folder, 1));
  const before = await usedBytes();
  const kept = await prepare(folder, Number(plans));
  const bytes = await usedBytes() - before;
  all.push(kept);
  const counted = bytesOf(kept.model);
  console.log(JSON.stringify({ folder, bytes, counted, held: all.length }));
}
