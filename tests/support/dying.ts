/**
 * Makes this process die by SIGKILL at its n-th step in the file system, for tests
 * of what a crash leaves. Steps are the calls of `node:fs/promises` that change
 * something; a write that dies has written half.
 */
import fs, { type FileHandle } from "node:fs/promises";

/** Dies before step `fatal` (from 0); dies halfway through it if that is a write. */
export function dieAtStep(fatal: number): void {
  let steps = 0;
  const step = (): boolean => steps++ === fatal;
  const die = () => Deno.kill(Deno.pid, "SIGKILL");
  const { open } = fs;
  const changing: Record<string, (...args: never[]) => Promise<unknown>> = {
    rename: fs.rename,
    rm: fs.rm,
    mkdir: fs.mkdir,
  };
  for (const [name, original] of Object.entries(changing)) {
    Object.assign(fs, {
      [name]: (...args: never[]) => (step() && die(), original(...args)),
    });
  }
  fs.open = async (...args: Parameters<typeof open>) => {
    if (step()) die();
    const file = await open(...args);
    const { writeFile, sync, close } = file;
    file.writeFile = async (data: Uint8Array) => {
      if (step()) {
        await writeFile.call(file, data.subarray(0, data.length / 2));
        die();
      }
      await writeFile.call(file, data);
    };
    return Object.assign(file, {
      sync: () => (step() && die(), sync.call(file)),
      close: () => (step() && die(), close.call(file)),
    }) as FileHandle;
  };
}
