/** The load and its faults in short: two processes, four gateways, one of each fault. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { startBalancer } from "../../../bench/load/balancer.ts";
import {
  copyOf,
  readChecked,
  writeLoadModels,
} from "../../../bench/load/checked_model.ts";
import {
  type ConnectionFault,
  type ConnectionFaultKind,
  connectionFaultKinds,
  type Direction,
} from "../../../bench/load/connection_fault.ts";
import { Fleet } from "../../../bench/load/fleet.ts";
import { runGateway } from "../../../bench/load/gateway.ts";
import { type Outcome, tally } from "../../../bench/load/outcome.ts";
import { seededUnit } from "../../../bench/shared/seeded.ts";
import { sum } from "../../../sdk/support/numbers.ts";
import { testKey } from "../../vectors/keys.ts";

const models = ["occupancy", "occupancy-scores"];
const gateways = 4;
const inferences = 16;
const killAfter = 5;

/** Every kind in both directions, at every third request, then no more. */
function oneOfEach(): () => ConnectionFault | null {
  const left = connectionFaultKinds.flatMap((kind) =>
    (["up", "down"] as Direction[]).map((direction) => ({
      kind,
      direction,
      at: 0.6,
    }))
  );
  let requests = 0;
  return () => ++requests % 3 === 0 ? left.shift() ?? null : null;
}

Deno.test("a process killed, connections cut, stalled and garbled, requests sent twice: every answer is right", async () => {
  const folder = await Deno.makeTempDir();
  await writeLoadModels(models, folder, 2);
  const checked = await Promise.all(
    models.map((name) => readChecked(`${folder}/${name}`)),
  );
  const outcomes: Outcome[] = [];
  let began = 0;
  let injected: Map<ConnectionFaultKind, number>;
  {
    await using fleet = await Fleet.start(2, {
      models: folder,
      threads: 1,
      state: `kv:${folder}/kv.sqlite3`,
    });
    await using balancer = await startBalancer({
      ports: () => fleet.ports(),
      faults: oneOfEach(),
    });
    injected = balancer.injected;
    const stop = new AbortController();
    const onEnd = (outcome: Outcome) => {
      outcomes.push(outcome);
      if (outcomes.length === killAfter) void fleet.kill(0, "SIGKILL");
      if (outcomes.length >= inferences) stop.abort();
    };
    await Promise.all(
      Array.from({ length: gateways }, (_, number) =>
        runGateway(
          {
            url: balancer.url,
            model: copyOf(checked[number % models.length], number >> 1),
            keys: [testKey(512)],
            unit: seededUnit(number),
            intervalMs: 0,
            replayShare: 0.2,
            timeoutMs: 1500,
          },
          stop.signal,
          () => began++,
          onEnd,
        )),
    );
    ok(fleet.figures().every(({ starts }) => starts >= 1));
    ok(balancer.bytes.up > 0 && balancer.bytes.down > 0);
  }
  const sums = tally(outcomes, began);
  equal(began, outcomes.length);
  deepEqual(
    { right: sums.right, wrong: sums.wrong, lost: sums.lost },
    { right: began, wrong: 0, lost: 0 },
    JSON.stringify(sums),
  );
  // A process that is killed may take the answer with it that was to be spoilt.
  for (const kind of connectionFaultKinds) ok(injected.get(kind)! >= 1, kind);
  // Trickled bytes come all the same; the other eight are asked for again, as faults of
  // the network or as bodies that the functions found damaged, unless the request was
  // the second of one sent twice.
  const retries = sum(Object.values(sums.retries));
  ok(retries >= 4, JSON.stringify(sums.retries));
  ok(sums.replays > 0);
  equal(sums.replaysDiffering, 0);
  await Deno.remove(folder, { recursive: true });
});
