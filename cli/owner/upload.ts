/**
 * Uploads a package in chunks, and goes on where it stopped.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { PackageFiles } from "../../models/package/package_bytes.ts";
import { makeRelease, releaseSize } from "../../models/package/release.ts";
import type { ControlPlane } from "./control_plane.ts";
import type { OwnerKey } from "./owner_key.ts";

/** Chunks on their way at a time. */
const sendsAtOnce = 4;
/** Times that chunks are asked for once more, because the store lost some. */
const maxRepeats = 3;

export interface UploadReport {
  name: string;
  version: string;
  /** SHA-256 of the release. */
  id: string;
  bytes: number;
  chunks: number;
  /** Chunks that were not there yet. */
  sent: number;
}

/**
 * Uploads a package as a version of its model: signs its release, sends the chunks
 * that the functions do not have, and has them check and store the whole. Calling it
 * again after any interruption goes on where it stopped.
 *
 * @param onProgress told of chunks that are there, of how many
 * @throws {CipherlayerError} `malformed` for a package that is not sound, and what
 * the functions refuse
 */
export async function uploadPackage(
  files: PackageFiles,
  key: OwnerKey,
  plane: ControlPlane,
  onProgress: (present: number, chunks: number) => void = () => {},
): Promise<UploadReport> {
  const { release, chunks } = makeRelease(files);
  const { name, version } = release;
  const signed = await key.sign(release);
  let sent = 0;
  for (let repeats = 0;; repeats++) {
    const { id, stored, missing } = await plane.begin(name, signed);
    let present = chunks.size - missing.length;
    onProgress(present, chunks.size);
    await inParallel(missing, async (digest) => {
      const chunk = chunks.get(digest);
      if (!chunk) {
        throw new CipherlayerError(
          "malformed",
          `Cannot upload: the functions ask for a chunk ${
            String(digest).slice(0, 64)
          } that the package does not have`,
        );
      }
      await plane.putChunk(name, id, digest, chunk);
      sent++;
      onProgress(++present, chunks.size);
    });
    try {
      if (!stored) await plane.commit(name, id);
    } catch (error) {
      if (repeats < maxRepeats && isRepairable(error)) continue;
      throw error;
    }
    const bytes = releaseSize(release);
    return { name, version, id, bytes, chunks: chunks.size, sent };
  }
}

/** Chunks are gone or altered in the store: beginning again tells which. */
function isRepairable(error: unknown): boolean {
  return error instanceof CipherlayerError &&
    ["upload-incomplete", "checksum-mismatch"].includes(error.code);
}

async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: sendsAtOnce }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
