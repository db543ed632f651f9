/**
 * A disk so small that it can be filled.
 *
 * @module
 */

const bytes = 8 << 20;

export interface SmallDisk extends AsyncDisposable {
  folder: string;
}

/** Mounts one; null where that takes rights that this process does not have. */
export async function mountSmallDisk(): Promise<SmallDisk | null> {
  if (Deno.build.os !== "linux") return null;
  const folder = await Deno.makeTempDir({ prefix: "cipherlayer-disk-" });
  const mounted = await run("mount", [
    "-t",
    "tmpfs",
    "-o",
    `size=${bytes}`,
    "tmpfs",
    folder,
  ]);
  const remove = () => Deno.remove(folder, { recursive: true });
  if (!mounted) {
    await remove();
    return null;
  }
  return {
    folder,
    async [Symbol.asyncDispose]() {
      // Lazily: processes that are ending may still hold files.
      await run("umount", ["--lazy", folder]);
      await remove();
    },
  };
}

async function run(program: string, args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, {
      args,
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
