import { arch, cpus, platform, totalmem } from "node:os";

/** What a figure was made on, in one line: processor, cores, memory, system, runtime. */
export function describeMachine(): string {
  const processors = cpus();
  return [
    processors[0]?.model ?? arch(),
    `${processors.length} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${platform()} ${arch()}`,
    `Deno ${Deno.version.deno}`,
  ].join(", ");
}
