import type { EdgeStep } from "../wire/plan.ts";

/**
 * Functions that a model's `custom` steps may name, real number to real number.
 *
 * @example
 * ```ts
 * import type { ActivationRegistry } from "@cipherlayer/sdk";
 *
 * const registry: ActivationRegistry = new Map([["softsign", (x) => x / (1 + Math.abs(x))]]);
 * if (registry.get("softsign")!(1) !== 0.5) throw new Error("wrong value");
 * ```
 */
export type ActivationRegistry = ReadonlyMap<string, (x: number) => number>;

/**
 * The registered function of a `custom` step, made total: what it throws and what
 * is not a finite number counts as 0. Failing on some values only would show in
 * the messages of the edge what those values are (DESIGN section 1, rule 1), so
 * faults of the function itself are looked for here, before any value is known.
 *
 * @throws {TypeError} if the name is not registered or the function fails at 0
 */
export function customFunction(
  name: string,
  registry: ActivationRegistry,
): (x: number) => number {
  const registered = registry.get(name);
  if (!registered) {
    throw new TypeError(
      `Cannot apply activation "${name}": expected it in the registry, got [${
        [...registry.keys()].join(", ")
      }]`,
    );
  }
  if (!Number.isFinite(registered(0))) {
    throw new TypeError(
      `Cannot apply activation "${name}": expected a finite number at 0, got ${
        registered(0)
      }`,
    );
  }
  return (x) => {
    try {
      const y = registered(x);
      return Number.isFinite(y) ? y : 0;
    } catch {
      return 0;
    }
  };
}

/**
 * Checks, before any reading is sent, that every `custom` step finds its function.
 *
 * @throws {TypeError} as {@linkcode customFunction}
 */
export function checkActivations(
  steps: readonly EdgeStep[],
  registry: ActivationRegistry,
): void {
  for (const step of steps) {
    if (step.op === "custom") customFunction(step.name, registry);
  }
}
