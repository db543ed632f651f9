/**
 * What figures were measured on.
 *
 * @module
 */
import { arch, cpus, platform, totalmem } from "node:os";

export interface Machine {
  /** The processor's model. */
  cpu: string;
  cores: number;
  memoryGiB: number;
  /** System, release and architecture. */
  os: string;
  /** The runtime's version. */
  deno: string;
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
    os: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    load: Number(Deno.loadavg()[0].toFixed(2)),
  };
}

/** This machine in one line that is the same for every run on it: no release, no load. */
export function nameMachine(): string {
  const { cpu, cores, memoryGiB, deno } = describeMachine();
  return [
    cpu,
    `${cores} cores`,
    `${memoryGiB} GiB`,
    `${platform()} ${arch()}`,
    `Deno ${deno}`,
  ].join(", ");
}
