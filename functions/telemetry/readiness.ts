import type { Arithmetic, Kernel } from "../../sdk/paillier/public/kernel.ts";

/** Why calls should not be sent here now, a few words each; none: ready. Never rejects. */
export type ReadinessCheck = () => Promise<string[]>;

const patienceMs = 5000;

/** All reasons of several checks. */
export function allOf(...checks: ReadinessCheck[]): ReadinessCheck {
  return async () => (await Promise.all(checks.map((check) => check()))).flat();
}

/**
 * Whether `what` can be reached: `reach` resolves, and in time. Its error stays
 * inside: the answer of `/readyz` is for everybody.
 */
export function reachable(
  what: string,
  reach: () => Promise<unknown>,
  timeoutMs: number = patienceMs,
): ReadinessCheck {
  return async () => {
    const late = Promise.withResolvers<string[]>();
    const timer = setTimeout(
      () => late.resolve([`${what} does not answer`]),
      timeoutMs,
    );
    try {
      return await Promise.race([reach().then(() => []), late.promise]);
    } catch {
      return [`${what} cannot be used`];
    } finally {
      clearTimeout(timer);
    }
  };
}

const modulus = 2n ** 521n - 1n;
/** Two numbers modulo the modulus's square, all digits at work. */
const left = [modulus / 3n, modulus / 7n] as const;
const right = [modulus / 5n, modulus / 11n] as const;

/** Whether the kernel still multiplies as BigInt does: memory and processors fail too. */
export function kernelWorks(kernel: Kernel): ReadinessCheck {
  let opened: Arithmetic | undefined;
  return () => {
    const arithmetic = opened ??= kernel.open([modulus, modulus], 3);
    arithmetic.loadPair(0, 0, ...left);
    arithmetic.loadPair(1, 0, ...right);
    arithmetic.run(Uint32Array.of(2, 0, 1));
    const [a, b] = arithmetic.storePair(2, 0);
    const expected = (left[0] + left[1] * modulus) *
        (right[0] + right[1] * modulus) % modulus ** 2n;
    const agrees = a + b * modulus === expected;
    return Promise.resolve(agrees ? [] : ["the kernel fails its self-test"]);
  };
}
