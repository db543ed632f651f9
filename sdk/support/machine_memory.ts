/**
 * How much memory there is for this process, as far as it may know.
 *
 * @module
 */

/** What is used of the runtimes. */
interface Runtime {
  Deno?: {
    permissions: {
      querySync(wanted: { name: "sys"; kind: string }): { state: string };
    };
  };
  process?: {
    /** Limit of the container (cgroup); 0 where there is none. */
    constrainedMemory?(): number;
    getBuiltinModule?(name: "node:os"): { totalmem(): number };
  };
  navigator?: { deviceMemory?: number };
}

/**
 * Bytes of the machine, or of the container if it has less. Null where the runtime
 * does not tell: Deno without `--allow-sys=systemMemoryInfo` (it would ask the user),
 * Node before 20.16, some browsers.
 */
export function machineMemoryBytes(
  runtime: Runtime = globalThis as Runtime,
): number | null {
  const { Deno: deno, process, navigator } = runtime;
  if (navigator?.deviceMemory) return navigator.deviceMemory * 2 ** 30;
  const mayKnow = { name: "sys", kind: "systemMemoryInfo" } as const;
  if (deno && deno.permissions.querySync(mayKnow).state !== "granted") {
    return null;
  }
  try {
    const sizes = [
      process?.constrainedMemory?.(),
      process?.getBuiltinModule?.("node:os").totalmem(),
    ].filter((bytes) => bytes !== undefined && bytes > 0) as number[];
    return sizes.length > 0 ? Math.min(...sizes) : null;
  } catch {
    return null;
  }
}
