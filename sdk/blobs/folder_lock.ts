/**
 * A lock file that one process at a time holds. Runtime: Deno, Node and Bun; not for
 * browsers. On Deno the system releases it; on
 * Node and Bun the file names its owner, and a dead owner's file is taken over.
 *
 * @module
 */
import fs from "node:fs/promises";
import process from "node:process";

/** What is used of Deno's files. */
interface LockableFile {
  tryLock(exclusive: boolean): Promise<boolean>;
  close(): void;
}

interface DenoLike {
  open(
    path: string,
    options: { write: true; create: true; mode: number },
  ): Promise<LockableFile>;
}

const heldHere = new Set<string>();

/**
 * Locks the file; processes of one machine alone see each other.
 *
 * @returns what releases it, or null if somebody else holds it
 */
export async function lockFile(
  path: string,
): Promise<(() => Promise<void>) | null> {
  const deno = (globalThis as { Deno?: DenoLike }).Deno;
  return deno ? await lockBySystem(deno, path) : await lockByOwner(path);
}

async function lockBySystem(deno: DenoLike, path: string) {
  const file = await deno.open(path, {
    write: true,
    create: true,
    mode: 0o600,
  });
  if (await file.tryLock(true)) {
    return () => Promise.resolve(file.close());
  }
  file.close();
  return null;
}

async function lockByOwner(path: string) {
  for (;;) {
    if (heldHere.has(path)) return null;
    try {
      await fs.writeFile(path, String(process.pid), {
        flag: "wx",
        mode: 0o600,
      });
      heldHere.add(path);
      return async () => {
        heldHere.delete(path);
        await fs.rm(path, { force: true });
      };
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
    }
    const owner = await fs.readFile(path, "utf8").catch(() => "");
    if (owner !== "" && isAlive(Number(owner))) return null;
    await fs.rm(path, { force: true });
  }
}

/** Our own number, where we do not hold the lock, is that of a process before us. */
function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1 || pid === process.pid) {
    return false;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}
