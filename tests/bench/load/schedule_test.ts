import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { randomFaults } from "../../../bench/load/connection_fault.ts";
import { messageHead } from "../../../bench/load/http_stream.ts";
import { tally } from "../../../bench/load/outcome.ts";
import {
  processFaultKinds,
  processFaults,
} from "../../../bench/load/process_fault.ts";

const options = {
  durationMs: 600_000,
  everyMs: 5000,
  processes: 3,
  kinds: processFaultKinds,
};

Deno.test("the same seed gives the same faults, another seed others", () => {
  const schedule = (seed: number) => processFaults({ ...options, seed });
  deepEqual(schedule(4), schedule(4));
  notDeepEqual(schedule(4), schedule(5));
  const requests = (seed: number) =>
    Array.from({ length: 500 }, randomFaults(seed, 0.1));
  deepEqual(requests(4), requests(4));
  notDeepEqual(requests(4), requests(5));
});

Deno.test("schedules keep to their time, their processes and their rate, and every kind comes in turn", () => {
  fc.assert(fc.property(fc.nat(), (seed) => {
    const faults = processFaults({ ...options, seed });
    // 120 are expected: ten standard deviations of a Poisson count.
    ok(Math.abs(faults.length - 120) < 110);
    const times = faults.map(({ atMs }) => atMs);
    deepEqual(times, times.toSorted((a, b) => a - b));
    ok(times[0] > 0 && times.at(-1)! < options.durationMs);
    ok(faults.every(({ process }) => [0, 1, 2].includes(process)));
    const kinds = processFaultKinds.length;
    for (let from = 0; from + kinds <= faults.length; from += kinds) {
      equal(
        new Set(faults.slice(from, from + kinds).map(({ kind }) => kind)).size,
        kinds,
      );
    }
  }));
});

Deno.test("faults meet the stated share of requests", () => {
  const next = randomFaults(9, 0.25);
  const faults = Array.from({ length: 4000 }, next).filter((x) => x !== null);
  ok(Math.abs(faults.length - 1000) < 150);
  equal(new Set(faults.map(({ kind }) => kind)).size, 5);
  ok(faults.every(({ at }) => at >= 0 && at < 1));
});

Deno.test("finds heads of messages and takes no body for one", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const head =
    "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nContent-Length: 300\r\n\r\n";
  deepEqual(messageHead(bytes(head + "body")), {
    headBytes: head.length,
    bodyBytes: 300,
  });
  deepEqual(messageHead(bytes("HTTP/1.1 204 No Content\r\nx: y\r\n\r\n")), {
    headBytes: 33,
    bodyBytes: 0,
  });
  equal(messageHead(bytes(head.slice(0, -2))), null);
  equal(messageHead(bytes("body\r\n\r\nPOST / HTTP/1.1\r\n\r\n")), null);
  fc.assert(fc.property(fc.uint8Array(), (body) => {
    equal(messageHead(body), null);
  }));
});

Deno.test("what began and never ended is lost; latencies are of right answers", () => {
  const ended = { model: "m", retries: {}, replays: 0, replaysDiffering: 0 };
  const sums = tally([
    { ...ended, result: "right", ms: 10, retries: { network: 2 } },
    { ...ended, result: "right", ms: 20, replays: 3 },
    { ...ended, result: "wrong", ms: 1, retries: { network: 1, malformed: 1 } },
    { ...ended, result: "refused", why: "overloaded", ms: 500 },
    { ...ended, result: "lost", why: "Error: x", ms: 900 },
  ], 7);
  deepEqual(sums, {
    inferences: 7,
    right: 2,
    wrong: 1,
    lost: 3,
    refused: { overloaded: 1 },
    latencyMs: { p50: 15, p90: 19, p99: 19.9, max: 20 },
    latencyMsOf: { m: { p50: 15, p90: 19, p99: 19.9, max: 20 } },
    retries: { malformed: 1, network: 3 },
    replays: 3,
    replaysDiffering: 0,
    lostWhy: { "Error: x": 1 },
  });
});
