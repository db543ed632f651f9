/**
 * Every target for a few hundred or thousand cases, always the same; millions of
 * others by `deno task fuzz`.
 */
import { runCases } from "./run_cases.ts";
import { targets } from "./targets.ts";

const seed = 20_260_101;

for (const [name, make] of Object.entries(targets)) {
  Deno.test(`fuzz ${name}: only declared errors, and what is taken means the same`, async () => {
    const target = await make();
    const cases = target.quickCases;
    const finding = await runCases(name, target, { seed, cases });
    if (finding) {
      throw new Error(
        `seed ${seed}, path ${finding.path}, input ${finding.input}\n${finding.error}`,
      );
    }
  });
}
