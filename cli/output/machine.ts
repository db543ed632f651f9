/**
 * What figures were measured on.
 *
 * @module
 */
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import process from "node:process";

export interface Machine {
  /** The processor's model. */
  cpu: string;
  cores: number;
  memoryGiB: number;
  /** System, release and architecture. */
  os: string;
  /** What ran it, with its version: "Deno 2.9.6", "Node 20.20.2". */
  runtime: string;
  /** Load average of the last minute: above 0, others were working. */
  load: number;
}

/** This machine as it is now. */
export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? arch(),
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()} ${arch()}`,
    runtime: describeRuntime(),
    load: Number(loadavg()[0].toFixed(2)),
  };
}

/** This machine in one line that is the same for every run on it: no release, no load. */
export function nameMachine(): string {
  const { cpu, cores, memoryGiB, runtime } = describeMachine();
  return [
    cpu,
    `${cores} cores`,
    `${memoryGiB} GiB`,
    `${platform()} ${arch()}`,
    runtime,
  ].join(", ");
}

function describeRuntime(): string {
  const { deno, bun, node } = process.versions as Record<string, string>;
  if (deno) return `Deno ${deno}`;
  return bun ? `Bun ${bun}` : `Node ${node}`;
}
