/**
 * Files as bytes and as text, whose faults are reported in a sentence. Runtime: Deno and
 * Node.
 *
 * @module
 */
import { readFile } from "node:fs/promises";

/** A file that cannot be read or written: its message names the path and the reason. */
export class FileError extends Error {
  override readonly name = "FileError";
}

/** @throws {FileError} "Cannot read x.onnx: no such file" */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    // Copied: a Buffer is a Uint8Array with other methods.
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

/**
 * Text in UTF-8, without the byte-order mark that editors on Windows put before it.
 *
 * @throws {FileError} where there is no such file, or it holds other bytes
 */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FileError(`Cannot read ${path}: expected text in UTF-8`, {
      cause,
    });
  }
}

const reasons: Record<string, string> = {
  ENOENT: "no such file",
  ENOTDIR: "no such folder",
  EISDIR: "is a folder",
  EACCES: "not permitted",
  EPERM: "not permitted",
  EEXIST: "is there already",
  ENOSPC: "the disk is full",
  EROFS: "the disk is read-only",
};

/** @param did what was tried: "read", "write" */
export function fileError(
  did: string,
  path: string,
  cause: unknown,
): FileError {
  const code = faultCode(cause);
  const reason = reasons[code ?? ""] ?? code ?? "it failed";
  return new FileError(`Cannot ${did} ${path}: ${reason}`, { cause });
}

/** The code of a fault of the file system: `ENOENT` where there is no file. */
export function faultCode(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}
