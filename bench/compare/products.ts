/**
 * Rows of the modular products, repeated so that their spread is known.
 *
 * @module
 */
import {
  type BenchContext,
  type BenchGroup,
  type BenchResult,
  compare,
} from "../shared/harness.ts";
import { benchmarkModularProducts } from "./modmul.ts";

const repetitions = 5;
const roundsEach = 15;
const installGmp = "reference absent: `apt-get install libgmp10`";

export const products: BenchGroup = {
  names: ["modmul", "multiply", "square"].flatMap((operation) =>
    [512, 1024, 2048, 3072].map((bits) => `${operation}-n2-${bits}`)
  ),
  run({ wants, progress }: BenchContext): Promise<BenchResult[]> {
    const passes = Array.from({ length: repetitions }, (_, pass) => {
      progress(`modular products beside GMP, ${pass + 1} of ${repetitions}`);
      return benchmarkModularProducts({ rounds: roundsEach });
    });
    const results = passes[0].map(({ name, unit, reference }, row) =>
      compare(
        { name, unit, note: reference ? null : installGmp },
        passes.map((pass) => pass[row].value),
        reference && {
          name: reference.name,
          figures: passes.map((pass) => pass[row].reference!.value),
        },
      )
    );
    return Promise.resolve(results.filter(({ name }) => wants(name)));
  },
};
