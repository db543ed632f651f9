import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import { type Clock, platformClock } from "../../../sdk/support/clock.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { exponentialBackoff, withRetries } from "../../../sdk/session/retry.ts";

const fault = (options: { retryable?: boolean; retryAfterMs?: number } = {}) =>
  new CipherlayerError("network", "gone", { retryable: true, ...options });

/** A clock that waits in no time and remembers how long it was asked to. */
function instantClock() {
  const waits: number[] = [];
  const clock: Clock = {
    now: () => 0,
    wait: (delayMs, signal) => {
      waits.push(delayMs);
      return signal?.aborted
        ? Promise.reject(signal.reason)
        : Promise.resolve();
    },
  };
  return { clock, waits };
}

Deno.test("delays double up to the longest, jittered within the upper half", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 9 }),
    fc.uint8Array({ minLength: 2, maxLength: 2 }),
    (failures, bytes) => {
      const delayMs = exponentialBackoff({
        firstDelayMs: 100,
        longestDelayMs: 3000,
        attempts: 10,
        random: () => bytes,
      })(failures, fault())!;
      const range = Math.min(100 * 2 ** (failures - 1), 3000);
      ok(delayMs >= range / 2 && delayMs <= range);
    },
  ));
});

Deno.test("jitter reaches both ends of its range", () => {
  const at = (byte: number) =>
    exponentialBackoff({ random: () => Uint8Array.of(byte, byte) })(1, fault());
  deepEqual([at(0), at(255)], [125, 250]);
});

Deno.test("the policy gives up after its attempts", () => {
  const policy = exponentialBackoff({ attempts: 3 });
  ok(policy(2, fault()) !== null);
  equal(policy(3, fault()), null);
});

Deno.test("honours Retry-After within bounds, with random delay", () => {
  const at = (byte: number, retryAfterMs: number) =>
    exponentialBackoff({
      longestDelayMs: 8000,
      random: () => Uint8Array.of(byte, byte),
    })(1, fault({ retryAfterMs }));
  deepEqual([at(0, 4000), at(255, 4000)], [4000, 5000]);
  deepEqual([at(0, 1e9), at(255, 1e9)], [8000, 8000]);
});

Deno.test("an operation is tried again until it succeeds", async () => {
  const { clock, waits } = instantClock();
  const notices: [number, number][] = [];
  let calls = 0;
  const result = await withRetries(
    () => ++calls < 4 ? Promise.reject(fault()) : Promise.resolve("done"),
    {
      policy: (failures) => 10 * failures,
      clock,
      onRetry: (failures, delayMs) => notices.push([failures, delayMs]),
    },
  );
  equal(result, "done");
  deepEqual(waits, [10, 20, 30]);
  deepEqual(notices, [[1, 10], [2, 20], [3, 30]]);
});

Deno.test("throws at once what is not retryable", async () => {
  const { clock, waits } = instantClock();
  for (const error of [fault({ retryable: false }), new TypeError("misuse")]) {
    await rejects(
      withRetries(() => Promise.reject(error), { policy: () => 1, clock }),
      (thrown) => thrown === error,
    );
  }
  deepEqual(waits, []);
});

Deno.test("the last fault is thrown when the policy gives up", async () => {
  const { clock } = instantClock();
  let calls = 0;
  const last = fault();
  await rejects(
    withRetries(
      () => Promise.reject(++calls === 3 ? last : fault()),
      { policy: exponentialBackoff({ attempts: 3 }), clock },
    ),
    (thrown) => thrown === last,
  );
  equal(calls, 3);
});

Deno.test("an abort ends the wait between two tries", async () => {
  const stop = new AbortController();
  const result = withRetries(() => Promise.reject(fault()), {
    policy: () => 2 ** 30,
    clock: platformClock,
    signal: stop.signal,
    onRetry: () => queueMicrotask(() => stop.abort(new Error("enough"))),
  });
  await rejects(result, /enough/);
});
