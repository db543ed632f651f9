/**
 * Gateways and instances as a discrete-event simulation. Pure: the same arguments
 * give the same outcome.
 *
 * - Readings arrive as a Poisson process; the rate follows a cosine over the day, and
 *   is constant within the simulated window.
 * - An instance has one core and serves its calls in the order of their arrival. It
 *   takes calls while fewer than `concurrency` mean calls of work wait; where two
 *   instances drawn at random both have more, another one starts.
 * - The shards of a round go out at once, to different instances where there are
 *   some; the next round begins when the last of them is back.
 * - An instance holds the tables of re-randomisation of the keys that it served last.
 *   `routing` decides whether a gateway's calls meet the same instances again.
 */
import { exponential, seededUnit } from "../seeded.ts";
import { type Costs, warmCpuMs } from "./costs.ts";
import { EventQueue } from "./event_queue.ts";

export interface Scenario {
  gateways: number;
  /** Mean time between readings of a gateway. */
  intervalMs: number;
  /** Swing of the daily curve: 0 none, 0.6 from 0.4 to 1.6 times the mean. */
  daySwing: number;
  /** Hour of the day, from 0; the peak is at 18. */
  hour: number;
  /** Calls' worth of work that may wait at an instance. */
  concurrency: number;
  /** Instances idle for this long are stopped. */
  idleMs: number;
  /** Memory of an instance for tables. */
  bankMemoryBytes: number;
  /** `spread`: any instance; `affinity`: the gateway's own, others where it is full. */
  routing: "spread" | "affinity";
  /** Parts of a round; null: as the planner has it. */
  shards: number | null;
  /** Of gateways' processors: how many times slower than the measured machine. */
  edgeFactor: number;
  roundTripMs: number;
  /** Bits a millisecond, of the gateway's line in both directions. */
  bitsPerMs: number;
  /** A session's tokens are good for this long. */
  sessionMs: number;
  /** What is counted; as long again comes before, uncounted. */
  windowMs: number;
  seed: number;
}

export interface Outcome {
  /** Within the window. */
  inferences: number;
  latencyMs: { p50: number; p99: number };
  /** Instances that were up at most at once, and on average. */
  peakInstances: number;
  meanInstances: number;
  coldStarts: number;
  /** Work of the functions within the window. */
  cpuMs: number;
  /** Of that, for tables of keys that an instance did not hold. */
  bankMs: number;
  calls: number;
  bytesUp: number;
  bytesDown: number;
  writes: number;
}

const dayHours = 24;
const peakHour = 18;

/** Readings a millisecond at an hour of the day. */
export function arrivalRate(
  { gateways, intervalMs, daySwing, hour }: Pick<
    Scenario,
    "gateways" | "intervalMs" | "daySwing" | "hour"
  >,
): number {
  const phase = 2 * Math.PI * (hour - peakHour) / dayHours;
  return gateways / intervalMs * (1 + daySwing * Math.cos(phase));
}

interface Instance {
  /** When it has done all that it has taken. */
  freeAt: number;
  startedAt: number;
}

interface Inference {
  arrivedAt: number;
  gateway: number;
  round: number;
  /** Instances that hold its tables by now. */
  met: Set<Instance>;
}

export function simulate(costs: Costs, scenario: Scenario): Outcome {
  const unit = seededUnit(scenario.seed);
  const rate = arrivalRate(scenario);
  const { windowMs, gateways } = scenario;
  const rounds = costs.rounds.map((round) => {
    const shards = scenario.shards ?? round.shards;
    const workMs = round.shards * round.callMs;
    return {
      ...round,
      shards,
      // A shard repeats what is not divided; taken as measured where not re-cut.
      callMs: shards === round.shards ? round.callMs : workMs / shards,
      bytesUp: round.bytesUp / round.shards * shards,
    };
  });
  const calls = rounds.reduce((sum, { shards }) => sum + shards, 0);
  const meanCallMs = warmCpuMs(costs) / calls;
  const backlogMs = scenario.concurrency * meanCallMs;
  const banksHeld = Math.max(
    1,
    Math.floor(scenario.bankMemoryBytes / costs.bankBytes),
  );
  // A token outlives `sessionMs / intervalMs` readings on average.
  const newSession = 1 / (1 + scenario.sessionMs / scenario.intervalMs);

  const sums = { cpuMs: 0, bankMs: 0, calls: 0, coldStarts: 0, instanceMs: 0 };
  const latencies: number[] = [];
  let peak = 0, arrived = 0;
  const counted = (time: number) => time >= windowMs && time < 2 * windowMs;

  const instances: Instance[] = [];
  // As many as the load needs, with a little room: the day's slow rise has made them.
  const expectedMs = warmCpuMs(costs) + newSession * costs.sessionMs +
    costs.bankMs;
  const first = Math.max(1, Math.ceil(1.2 * rate * expectedMs));
  for (let i = 0; i < first; i++) instances.push({ freeAt: 0, startedAt: 0 });

  const startInstance = (now: number): Instance => {
    const startMs = costs.processMs + costs.modelMs;
    const instance = { freeAt: now + startMs, startedAt: now };
    instances.push(instance);
    peak = Math.max(peak, instances.length);
    if (counted(now)) {
      sums.coldStarts++;
      sums.cpuMs += startMs;
    }
    return instance;
  };
  const stopIdle = (now: number) => {
    for (let i = instances.length - 1; i >= 0; i--) {
      const { freeAt, startedAt } = instances[i];
      if (now - freeAt < scenario.idleMs) continue;
      instances[i] = instances[instances.length - 1];
      instances.pop();
      const stopped = freeAt + scenario.idleMs;
      sums.instanceMs += overlap(startedAt, stopped, windowMs);
    }
  };
  const room = (instance: Instance, now: number) =>
    instance.freeAt - now < backlogMs;
  /** An instance for a call, not `other` if there is a choice. */
  const choose = (
    now: number,
    { gateway }: Inference,
    shard: number,
  ): Instance => {
    if (instances.length === 0) return startInstance(now);
    const count = instances.length;
    if (scenario.routing === "affinity") {
      const home = instances[(hash(gateway) + shard) % count];
      if (room(home, now)) return home;
    }
    const a = instances[Math.floor(unit() * count)];
    const b = instances[Math.floor(unit() * count)];
    const better = a.freeAt <= b.freeAt ? a : b;
    return room(better, now) ? better : startInstance(now);
  };
  /** Whether an instance still holds a gateway's tables from an earlier inference. */
  const holds = () => {
    const share = scenario.routing === "affinity"
      ? banksHeld * instances.length / gateways
      : banksHeld / gateways;
    return unit() < 1 - Math.exp(-share);
  };

  /** Calls as they reach the functions; null: the next reading at its gateway. */
  const queue = new EventQueue<Inference | null>();
  const lineMs = (bytes: number) => 8 * bytes / scenario.bitsPerMs;
  const send = (now: number, inference: Inference) => {
    const { encryptMs, bytesUp } = rounds[inference.round];
    queue.push(
      now + scenario.edgeFactor * encryptMs + lineMs(bytesUp) +
        scenario.roundTripMs / 2,
      inference,
    );
  };
  queue.push(exponential(1 / rate, unit), null);
  let swept = 0;
  while (queue.size > 0) {
    const { time: now, value } = queue.pop();
    if (now - swept > scenario.idleMs / 10) {
      stopIdle(now);
      swept = now;
    }
    if (value === null) {
      const next = now + exponential(1 / rate, unit);
      if (next < 2 * windowMs) queue.push(next, null);
      if (counted(now)) arrived++;
      const inference: Inference = {
        arrivedAt: now,
        gateway: Math.floor(unit() * gateways),
        round: 0,
        met: new Set(),
      };
      if (unit() >= newSession) {
        send(now, inference);
        continue;
      }
      const instance = choose(now, inference, 0);
      instance.freeAt = Math.max(now, instance.freeAt) + costs.sessionMs;
      if (counted(now)) {
        sums.cpuMs += costs.sessionMs;
        sums.calls++;
      }
      send(instance.freeAt + scenario.roundTripMs, inference);
      continue;
    }
    const inference = value;
    const round = rounds[inference.round];
    let last = 0;
    for (let shard = 0; shard < round.shards; shard++) {
      const instance = choose(now, inference, shard);
      let workMs = round.callMs;
      if (!inference.met.has(instance)) {
        inference.met.add(instance);
        if (!holds()) {
          workMs += costs.bankMs;
          if (counted(now)) sums.bankMs += costs.bankMs;
        }
      }
      instance.freeAt = Math.max(now, instance.freeAt) + workMs;
      last = Math.max(last, instance.freeAt);
      if (counted(now)) {
        sums.cpuMs += workMs;
        sums.calls++;
      }
    }
    const done = last + scenario.roundTripMs / 2 + lineMs(round.bytesDown) +
      scenario.edgeFactor * round.decryptMs;
    inference.round++;
    if (inference.round < rounds.length) send(done, inference);
    else if (counted(inference.arrivedAt)) {
      latencies.push(done - inference.arrivedAt);
    }
  }
  for (const { startedAt } of instances) {
    sums.instanceMs += overlap(startedAt, 2 * windowMs, windowMs);
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[
      Math.min(latencies.length - 1, Math.floor(share * latencies.length))
    ] ??
      NaN;
  const bytes = (key: "bytesUp" | "bytesDown") =>
    arrived * rounds.reduce((sum, round) => sum + round[key], 0);
  return {
    inferences: arrived,
    latencyMs: { p50: at(0.5), p99: at(0.99) },
    peakInstances: Math.max(peak, first),
    meanInstances: sums.instanceMs / windowMs,
    coldStarts: sums.coldStarts,
    cpuMs: sums.cpuMs,
    bankMs: sums.bankMs,
    calls: sums.calls,
    bytesUp: bytes("bytesUp"),
    bytesDown: bytes("bytesDown"),
    writes: arrived * costs.writes,
  };
}

/** How much of [from, to) lies within the window [start, 2 start). */
function overlap(from: number, to: number, start: number): number {
  return Math.max(0, Math.min(to, 2 * start) - Math.max(from, start));
}

/** Spreads gateways' numbers over instances. */
function hash(value: number): number {
  return Math.imul(value ^ (value >>> 15), 0x2c1b3c6d) >>> 1;
}
