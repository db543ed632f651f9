/**
 * Gateways in separate processes against a fleet behind a balancer.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { describeMachine, type Machine } from "../../cli/output/machine.ts";
import { startBalancer } from "./balancer.ts";
import { copyOf, readChecked, writeLoadModels } from "./checked_model.ts";
import type { ClientJob } from "./client.ts";
import type { FaultSource } from "./connection_fault.ts";
import { Fleet, type PlaceFigures } from "./fleet.ts";
import { add, type Outcome, type Tally, tally } from "./outcome.ts";
import { processFigures } from "./process_figures.ts";

export interface LoadOptions {
  gateways: number;
  processes: number;
  /** Threads of each process. */
  threads: number;
  clients: number;
  minutes: number;
  /** Of each gateway, in turn. */
  keys: number;
  /** Names under which each model is served. */
  copies: number;
  /** Gateways that ask `heavyModel` without a pause. */
  heavy: number;
  /** Names for `writeLoadModels`; gateways take them in turn. */
  models: readonly string[];
  keyBits: number;
  insecure: boolean;
  intervalMs: number;
  seed: number;
  timeoutMs: number;
  replayShare: number;
  /** What processes share, as `CIPHERLAYER_STATE`; default: Deno KV in `kvFolder`. */
  state?: string;
  /** Where the database lies; default: a folder of the run's own. */
  kvFolder?: string;
  /** What befalls requests; default nothing. */
  faults?: FaultSource;
  progress: (message: string) => void;
}

/** What a run has made, for those that inject faults into it. */
export interface Stage {
  fleet: Fleet;
  /** Holds `models`. */
  folder: string;
  /** Folder of the database. */
  kvFolder: string;
}

/** Runs beside the load until `stop` aborts; gives what it injected, by kind. */
export type Disturb = (
  stage: Stage,
  stop: AbortSignal,
) => Promise<Record<string, number>>;

export interface LoadReport extends Tally {
  machine: Machine;
  startedAt: string;
  keyBits: number;
  insecure: boolean;
  gateways: number;
  keys: number;
  copies: number;
  heavy: number;
  /** Kind of what processes share: its address may hold a password. */
  state: string;
  models: readonly string[];
  seed: number;
  intervalMs: number;
  seconds: number;
  /** Right answers a second. */
  perSecond: number;
  /** Bytes of connections, heads and retries included. */
  bytesUp: number;
  bytesDown: number;
  processes: PlaceFigures[];
  /** Of client processes, most of one. */
  clientPeakBytes: number;
  /** Faults injected, by kind. */
  faults: Record<string, number>;
}

/** Takes some hundred times the work of the others. */
export const heavyModel = "resnet20-cifar10";

export async function runLoad(
  options: LoadOptions,
  disturb: Disturb = () => Promise.resolve({}),
): Promise<LoadReport> {
  const { progress, seed } = options;
  await using resources = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "cipherlayer-load-" });
  resources.defer(() => Deno.remove(folder, { recursive: true }));
  const { kvFolder = `${folder}/kv` } = options;
  await Deno.mkdir(kvFolder, { recursive: true });
  const names = [...options.models, ...options.heavy > 0 ? [heavyModel] : []];
  await writeLoadModels(names, `${folder}/models`, options.copies);
  progress("readings whose answers are certain");
  const checked = await Promise.all(
    names.map((name) => readChecked(`${folder}/models/${name}`)),
  );
  const state = options.state ?? `kv:${kvFolder}/kv.sqlite3`;
  const machine = describeMachine();
  const fleet = resources.use(
    await Fleet.start(options.processes, {
      models: `${folder}/models`,
      threads: options.threads,
      state,
      // All gateways of the run share one address.
      environment: { CIPHERLAYER_SESSIONS_PER_MINUTE: "100000" },
    }),
  );
  const balancer = resources.use(
    await startBalancer({ ports: () => fleet.ports(), faults: options.faults }),
  );
  progress(
    `${options.gateways} gateways in ${options.clients} processes on ${options.processes} processes for ${options.minutes} min`,
  );

  const all = Array.from(
    { length: options.gateways + options.heavy },
    (_, number): ClientJob["gateways"][number] => {
      const isHeavy = number >= options.gateways;
      const turn = isHeavy
        ? options.models.length
        : number % options.models.length;
      const round = Math.floor(number / options.models.length);
      return {
        number,
        model: copyOf(checked[turn], round % options.copies),
        intervalMs: isHeavy ? 0 : options.intervalMs,
      };
    },
  );
  const stop = new AbortController();
  const started = new Date();
  const disturbing = disturb(
    { fleet, folder, kvFolder },
    stop.signal,
  );
  const clients = await Promise.all(
    Array.from({ length: options.clients }, (_, client) =>
      runClient({
        ...pick(options),
        url: balancer.url,
        durationMs: 60_000 * options.minutes,
        gateways: all.filter(({ number }) =>
          number % options.clients === client
        ),
        seed: 1000 * seed,
      }, progress)),
  ).finally(() => stop.abort());
  const injected = await disturbing;
  const outcomes = clients.flatMap((client) => client.outcomes);
  const began = clients.reduce((sum, client) => sum + client.began, 0);
  const sums = tally(outcomes, began);
  const seconds = Math.max(...clients.map((client) => client.seconds));
  return {
    machine,
    startedAt: started.toISOString(),
    keyBits: options.keyBits,
    insecure: options.insecure,
    gateways: options.gateways,
    keys: options.keys,
    copies: options.copies,
    heavy: options.heavy,
    state: state.slice(0, state.indexOf(":")),
    models: options.models,
    seed,
    intervalMs: options.intervalMs,
    seconds,
    perSecond: sums.right / seconds,
    ...sums,
    bytesUp: balancer.bytes.up,
    bytesDown: balancer.bytes.down,
    processes: fleet.figures(),
    clientPeakBytes: Math.max(...clients.map((client) => client.peakBytes)),
    faults: add([injected, Object.fromEntries(balancer.injected)]),
  };
}

function pick(
  { keyBits, keys, insecure, replayShare, timeoutMs }: LoadOptions,
) {
  return { keyBits, keys, insecure, replayShare, timeoutMs };
}

interface ClientRun {
  began: number;
  outcomes: Outcome[];
  /** From the first inference to the last answer. */
  seconds: number;
  peakBytes: number;
}

const lookEveryMs = 500;

async function runClient(
  job: ClientJob,
  progress: (message: string) => void,
): Promise<ClientRun> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--quiet",
      fileURLToPath(new URL("./client.ts", import.meta.url)),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(job)));
  await writer.close();
  let peakBytes = 0;
  const look = setInterval(async () => {
    const figures = await processFigures(child.pid);
    peakBytes = Math.max(peakBytes, figures?.peakBytes ?? 0);
  }, lookEveryMs);
  const outcomes: Outcome[] = [];
  let began = 0, first = 0, last = 0, rest = "";
  for await (
    const text of child.stdout.pipeThrough(new TextDecoderStream())
  ) {
    last = performance.now();
    first ||= last;
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const outcome: Outcome | null = JSON.parse(line);
      if (outcome === null) began++;
      else {
        outcomes.push(outcome);
        if (outcome.result !== "right") progress(line);
      }
    }
  }
  clearInterval(look);
  // One that crashed leaves inferences without an end: they count as lost.
  const { code } = await child.status;
  if (code !== 0) progress(`a client process ended with code ${code}`);
  return { began, outcomes, seconds: (last - first) / 1000, peakBytes };
}
