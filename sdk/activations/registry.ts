/**
 * Functions of the application that a model's custom steps name, made total.
 *
 * @module
 */
import type { GatewayStep } from "../wire/plan.ts";

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

/** Told what an activation did wrong, once it has been made good. */
export type FaultListener = (fault: TypeError) => void;

/**
 * The registered function of a `custom` step, made total: what it throws and what
 * is not a finite number counts as 0, and is passed to `onFault`, once. Failing on
 * some values only would show in the messages of the gateway what those values are
 * .
 *
 * @throws {TypeError} if the name is not registered
 */
export function totalFunction(
  name: string,
  registry: ActivationRegistry,
  onFault: FaultListener,
): (x: number) => number {
  const registered = registeredFunction(name, registry);
  let told = false;
  const tell = (found: string, cause?: unknown) => {
    if (told) return 0;
    told = true;
    onFault(
      new TypeError(
        `Cannot apply activation "${name}": expected finite numbers, got ${found}`,
        { cause },
      ),
    );
    return 0;
  };
  return (x) => {
    let y: unknown;
    try {
      y = registered(x);
    } catch (cause) {
      return tell("an exception", cause);
    }
    return Number.isFinite(y) ? y as number : tell("another result");
  };
}

/**
 * Checks, before any reading is sent, that every `custom` step finds its function
 * and that it works at 0.
 *
 * @throws {TypeError} if a name is not registered or a function fails at 0
 */
export function checkActivations(
  steps: readonly GatewayStep[],
  registry: ActivationRegistry,
): void {
  for (const step of steps) {
    if (step.op !== "custom") continue;
    const atZero = registeredFunction(step.name, registry)(0);
    if (!Number.isFinite(atZero)) {
      throw new TypeError(
        `Cannot apply activation "${step.name}": expected a finite number at 0, got ${atZero}`,
      );
    }
  }
}

function registeredFunction(
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
  return registered;
}
