/**
 * `deno task abuse`: hostile callers against a real process of the functions, whose
 * memory and health, and what a light client sees meanwhile, are measured.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { processFigures } from "../../bench/load/process_figures.ts";
import { table } from "../../cli/output/table.ts";
import { defaultGateLimits } from "../../functions/admission/gate.ts";
import { defaultLimits } from "../../functions/admission/limits.ts";
import { startHost } from "../support/started_host.ts";
import { attacks } from "./attacks.ts";
import type { Observation } from "./observer.ts";

const usage = `usage: deno task abuse [options]

  --attack NAME  only this attack; may be repeated
  --seconds N    of each attack, default 15; half as long before and after
  --help         this text

attacks:
  ${Object.keys(attacks).join("\n  ")}

Ends with 1 where memory exceeds the bound that is printed, /readyz says 503, /healthz
has a 99th percentile above 250 ms, or the light client one of more than 3 times that
before. Attackers stand for other machines: they have the lowest priority, so that they
get what processor time the server and the light client leave. On a machine with other
work the times are those of that work, too.
`;

const threads = 2;
const maxHealthMs = 250;
const maxSlowdown = 3;

interface Phase {
  healthMs: number;
  lightMs: number;
  lights: number;
  notReady: number;
  /** What went wrong for the light client and the probes. */
  failed: string[];
}

/** The attacks' own process, ready to begin. */
async function startAttack(name: string, url: string) {
  const child = new Deno.Command("nice", {
    args: [
      "-n",
      "19",
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      fileURLToPath(new URL("./attacks.ts", import.meta.url)),
      name,
      url,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  if (done) throw new Error(`The attack "${name}" ended before it began`);
  return {
    pid: child.pid,
    begin: async () => {
      const writer = child.stdin.getWriter();
      await writer.write(Uint8Array.of(10));
      writer.releaseLock();
    },
    end: async () => {
      child.kill("SIGKILL");
      await Promise.all([
        child.status,
        reader.cancel(),
        child.stdin.close().catch(() => {}),
      ]);
    },
  };
}

function percentile99(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(0.99 * sorted.length) - 1] ?? Infinity;
}

/** What began, or was under way, between two times. */
function phaseOf(seen: Observation[], from: number, to: number): Phase {
  const of = (what: Observation["what"]) =>
    seen.filter((o) => o.what === what && o.at + o.ms > from && o.at < to);
  return {
    healthMs: percentile99(of("healthz").map(({ ms }) => ms)),
    lightMs: percentile99(of("light").map(({ ms }) => ms)),
    lights: of("light").length,
    notReady: of("readyz").filter(({ ok }) => !ok).length,
    failed: [...of("light"), ...of("healthz")].filter(({ ok }) => !ok)
      .map(({ what, fault }) => `${what}: ${fault ?? "refused"}`),
  };
}

async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]);
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)}`;
const whole = (ms: number) => `${Math.round(ms)}`;

async function main(names: string[], seconds: number): Promise<boolean> {
  await using host = await startHost(
    "deno",
    fileURLToPath(new URL("../../models/zoo", import.meta.url)),
    { CIPHERLAYER_THREADS: `${threads}`, CIPHERLAYER_STATE: "kv::memory:" },
  );
  const observer = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      fileURLToPath(new URL("./observer.ts", import.meta.url)),
      host.url,
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const seen: Observation[] = [];
  const reading = (async () => {
    let rest = "";
    const texts = observer.stdout.pipeThrough(new TextDecoderStream());
    for await (const text of texts) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      seen.push(...lines.map((line) => JSON.parse(line)));
    }
  })();
  while (seen.filter(({ what }) => what === "light").length < 10) {
    await pause(100);
  }
  const restBytes = await residentBytes(host.pid);
  // What is bounded by settings: tables of each thread, bodies; and as much for all else.
  const boundBytes = 2 * restBytes + threads * defaultLimits.randomiserBytes +
    defaultGateLimits.bodyBytes;
  const rows: string[][] = [];
  let isSound = true;
  for (const name of names) {
    const attack = await startAttack(name, host.url);
    const times = [Date.now()];
    await pause(500 * seconds);
    times.push(Date.now());
    const figures = () =>
      Promise.all([processFigures(host.pid), processFigures(attack.pid)]);
    const [server, attacker] = await figures();
    await attack.begin();
    let peakBytes = 0;
    for (let left = 4 * seconds; left > 0; left--) {
      peakBytes = Math.max(peakBytes, await residentBytes(host.pid));
      await pause(250);
    }
    times.push(Date.now());
    const [serverThen, attackerThen] = await figures();
    const listenerSeconds = serverThen!.mainSeconds - server!.mainSeconds;
    const cpuSeconds = [
      listenerSeconds,
      serverThen!.cpuSeconds - server!.cpuSeconds - listenerSeconds,
      attackerThen!.cpuSeconds - attacker!.cpuSeconds,
    ];
    await attack.end();
    await pause(500 * seconds);
    times.push(Date.now());
    const [before, during, after] = [0, 1, 2].map((i) =>
      phaseOf(seen, times[i], times[i + 1])
    );
    const faults = [
      peakBytes > boundBytes ? "memory" : "",
      before.notReady + during.notReady + after.notReady > 0 ? "readyz" : "",
      during.healthMs > maxHealthMs ? "healthz" : "",
      during.lightMs > maxSlowdown * before.lightMs ? "light client" : "",
      during.failed.length > 0 ? "failures" : "",
    ].filter((fault) => fault !== "");
    isSound &&= faults.length === 0;
    rows.push([
      name,
      mib(peakBytes),
      [before, during, after].map(({ notReady }) => notReady).join(" "),
      [before, during, after].map(({ healthMs }) => whole(healthMs)).join(" "),
      [before, during, after].map(({ lightMs }) => whole(lightMs)).join(" "),
      `${during.lights}`,
      cpuSeconds.map((seconds) => seconds.toFixed(1)).join(" "),
      faults.join(", ") || "-",
    ]);
    console.error([...rows.at(-1)!, ...new Set(during.failed)].join(" | "));
  }
  observer.kill("SIGKILL");
  await Promise.all([observer.status, reading.catch(() => {})]);
  const peak = (await processFigures(host.pid))?.peakBytes ?? 0;
  console.log(
    table([
      "attack",
      "MiB",
      "/readyz 503",
      "/healthz p99",
      "light p99",
      "inferences",
      "CPU s",
      "exceeded",
    ], rows),
  );
  console.log(
    `Before, during and after; milliseconds. CPU seconds during: the server's listener, its other threads, the attackers. Memory at rest ${
      mib(restBytes)
    } MiB, at most ${mib(peak)}, bound ${mib(boundBytes)}.`,
  );
  return isSound;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      attack: { type: "string", multiple: true },
      seconds: { type: "string", default: "15" },
      help: { type: "boolean" },
    },
  });
  if (values.help) console.log(usage);
  else {
    const names = values.attack ?? Object.keys(attacks);
    for (const name of names) {
      if (!(name in attacks)) throw new TypeError(`no attack "${name}"`);
    }
    Deno.exit(await main(names, Number(values.seconds)) ? 0 : 1);
  }
}
