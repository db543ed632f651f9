/**
 * What is wrong with a file, in words without the system's codes.
 *
 * @module
 */

const words = [
  [Deno.errors.NotFound, "no such file or folder"],
  [Deno.errors.PermissionDenied, "this user may not use it"],
  [Deno.errors.IsADirectory, "it is a folder"],
  [Deno.errors.NotADirectory, "a part of its path is no folder"],
] as const;

/** The fault that an error of reading or writing tells; other errors tell it themselves. */
export function fileFault(error: unknown): string {
  return words.find(([kind]) => error instanceof kind)?.[1] ??
    (error as Error).message;
}
