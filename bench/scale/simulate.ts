/**
 * Gateways and instances as a discrete-event simulation. Pure: the same arguments
 * give the same outcome.
 *
 * - Readings arrive as a Poisson process; the rate follows a cosine over the day, and
 *   is constant within the simulated window.
 * - An instance has one core and serves its calls in the order of their arrival. It
 *   takes calls while it has fewer than `concurrency`; where two instances drawn at
 *   random both have that many, another one starts.
 * - The shards of a round go out at once, to different instances where there are
 *   some; the next round begins when the last of them is back.
 * - An instance holds the tables of re-randomisation of the keys that it served last,
 *   and counts the answers of some more. It answers without tables, each answer the
 *   dearer, until a key has had `firstAnswers`; then it makes them. `routing` decides
 *   whether a gateway's calls meet the same instances again.
 *
 * @module
 */
import { exponential, seededUnit } from "../shared/seeded.ts";
import { answersOf, type Costs, warmCpuMs } from "./costs.ts";
import { EventQueue } from "./event_queue.ts";

export interface Scenario {
  gateways: number;
  /** Mean time between readings of a gateway. */
  intervalMs: number;
  /** Swing of the daily curve: 0 none, 0.6 from 0.4 to 1.6 times the mean. */
  daySwing: number;
  /** Hour of the day, from 0; the peak is at 18. */
  hour: number;
  /** Calls that an instance takes at once. */
  concurrency: number;
  /** No more instances than these; their calls wait then. */
  maxInstances: number;
  /** Instances idle for this long are stopped. */
  idleMs: number;
  /** Memory of an instance for tables. */
  bankMemoryBytes: number;
  /** `spread`: any instance; `affinity`: the gateway's own, others where it is full. */
  routing: "spread" | "affinity";
  /** Parts of a round; null: as the planner has it. */
  shards: number | null;
  /** Of gateways' processors: how many times slower than the measured machine. */
  gatewayFactor: number;
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
  /** From a reading to its answer, in order of size. */
  latenciesMs: number[];
  /** Instances that were up at most at once, and on average. */
  peakInstances: number;
  meanInstances: number;
  coldStarts: number;
  /** Work of the functions within the window. */
  cpuMs: number;
  /** Of that, for keys whose tables an instance did not hold: to make them, or without. */
  bankMs: number;
  calls: number;
  bytesUp: number;
  bytesDown: number;
  writes: number;
}

/** Of instances' time, when they are as many as are needed. */
const usualUtilisation = 0.6;
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
  /** When each of the calls that it has will be done. */
  ends: number[];
}

interface Inference {
  arrivedAt: number;
  gateway: number;
  round: number;
  /**
   * Instances that it has met, and the answers that each has given its key without
   * tables; Infinity where tables are held.
   */
  met: Map<Instance, number>;
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
  // As many as the load needs, with some room: the day's slow rise has made them.
  const workMs = warmCpuMs(costs) + newSession * costs.sessionMs +
    answersOf(costs) * costs.directMs;
  const first = Math.min(
    scenario.maxInstances,
    Math.max(1, Math.ceil(rate * workMs / usualUtilisation)),
  );
  for (let i = 0; i < first; i++) {
    instances.push({ freeAt: 0, startedAt: 0, ends: [] });
  }

  const startInstance = (now: number): Instance => {
    const startMs = costs.processMs + costs.modelMs;
    const instance = { freeAt: now + startMs, startedAt: now, ends: [] };
    instances.push(instance);
    peak = Math.max(peak, instances.length);
    if (counted(now)) {
      sums.coldStarts++;
      sums.cpuMs += startMs;
    }
    return instance;
  };
  // The newest first, so that the others keep their gateways.
  const stopIdle = (now: number) => {
    while (instances.length > 1) {
      const { freeAt, startedAt } = instances[instances.length - 1];
      if (now - freeAt < scenario.idleMs) return;
      instances.pop();
      sums.instanceMs += overlap(startedAt, freeAt + scenario.idleMs, windowMs);
    }
  };
  const room = ({ ends }: Instance, now: number) => {
    while (ends.length > 0 && ends[0] <= now) ends.shift();
    return ends.length < scenario.concurrency;
  };
  /** Gives an instance work; when it will be done. */
  const take = (instance: Instance, now: number, workMs: number): number => {
    instance.freeAt = Math.max(now, instance.freeAt) + workMs;
    instance.ends.push(instance.freeAt);
    if (counted(now)) {
      sums.cpuMs += workMs;
      sums.calls++;
    }
    return instance.freeAt;
  };
  /** An instance for a call, not `other` if there is a choice. */
  const choose = (
    now: number,
    { gateway }: Inference,
    shard: number,
  ): Instance => {
    const count = instances.length;
    if (scenario.routing === "affinity") {
      const home = instances[(bucket(gateway, count) + shard) % count];
      if (room(home, now)) return home;
    }
    const a = instances[Math.floor(unit() * count)];
    const b = instances[Math.floor(unit() * count)];
    const better = a.freeAt <= b.freeAt ? a : b;
    const full = count >= scenario.maxInstances;
    return full || room(better, now) ? better : startInstance(now);
  };
  /** What an instance knows of a gateway's key from earlier inferences, as in `met`. */
  const remembered = () => {
    const draw = unit();
    const share = (scenario.routing === "affinity" ? instances.length : 1) /
      gateways;
    const isAmong = (keys: number) => draw < 1 - Math.exp(-keys * share);
    if (isAmong(banksHeld)) return Infinity;
    // Of a key that is still counted the first answers are long past.
    return isAmong(costs.keysCounted) ? costs.firstAnswers : 0;
  };
  /** The work beyond that of a call for a key with tables. */
  const randomiseMs = (
    { met }: Inference,
    instance: Instance,
    answers: number,
  ) => {
    const before = met.get(instance) ?? remembered();
    const given = before + answers;
    const direct = given <= costs.firstAnswers;
    met.set(instance, direct ? given : Infinity);
    if (before === Infinity) return 0;
    return direct ? answers * costs.directMs : costs.bankMs;
  };

  /** Calls as they reach the functions; null: the next reading at its gateway. */
  const queue = new EventQueue<Inference | null>();
  const lineMs = (bytes: number) => 8 * bytes / scenario.bitsPerMs;
  const send = (now: number, inference: Inference) => {
    const { encryptMs, bytesUp } = rounds[inference.round];
    queue.push(
      now + scenario.gatewayFactor * encryptMs + lineMs(bytesUp) +
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
        met: new Map(),
      };
      if (unit() >= newSession) {
        send(now, inference);
        continue;
      }
      const instance = choose(now, inference, 0);
      const done = take(instance, now, costs.sessionMs);
      send(done + scenario.roundTripMs, inference);
      continue;
    }
    const inference = value;
    const round = rounds[inference.round];
    let last = 0;
    for (let shard = 0; shard < round.shards; shard++) {
      const instance = choose(now, inference, shard);
      const answers = round.answers / round.shards;
      const moreMs = randomiseMs(inference, instance, answers);
      if (counted(now)) sums.bankMs += moreMs;
      last = Math.max(last, take(instance, now, round.callMs + moreMs));
    }
    const done = last + scenario.roundTripMs / 2 + lineMs(round.bytesDown) +
      scenario.gatewayFactor * round.decryptMs;
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
  const bytes = (key: "bytesUp" | "bytesDown") =>
    arrived * rounds.reduce((sum, round) => sum + round[key], 0);
  return {
    inferences: arrived,
    latenciesMs: latencies,
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

/**
 * Jump consistent hash (Lamping and Veach, 2014): a place in [0, count), the same for
 * all but 1/count of the numbers when one more place is added.
 */
function bucket(value: number, count: number): number {
  const unit = seededUnit(value);
  let place = 0, next = 0;
  while (next < count) {
    place = next;
    next = Math.floor((place + 1) / (1 - unit()));
  }
  return place;
}
