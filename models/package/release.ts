/**
 * A release: what an owner signs and uploads of a package. It names the package's
 * files and the SHA-256 of each of their chunks, so that an upload can go on where it
 * stopped and nothing but the package signed for can be put together from it.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  integer,
  list,
  literal,
  Mismatch,
  record,
  text,
} from "../../sdk/wire/schema.ts";
import { decodePackage, type PackageFiles } from "./package_bytes.ts";

/** Bytes of every chunk of a file but the last. */
export const chunkBytes: number = 2 ** 20;
/** Files of a package together. */
export const maxReleaseBytes: number = 256 * 2 ** 20;
/** A release, signed, in text. */
export const maxSignedReleaseBytes: number = 2 ** 18;
/** `typ` of the signature's header: a signature for anything else is none for this. */
export const releaseType = "cipherlayer-release";

export interface Release {
  format: "cipherlayer-release-1";
  /** Name and version of the package's manifest. */
  name: string;
  version: string;
  files: ReleaseFile[];
}

export interface ReleaseFile {
  name: string;
  bytes: number;
  /** SHA-256 of each chunk, hexadecimal. */
  chunks: string[];
}

/** What models and versions may be called: names become paths and parts of URLs. */
export function isReleaseName(name: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,99}$/.test(name);
}

const releaseCheck = record<Release>({
  format: literal("cipherlayer-release-1"),
  name: text(100),
  version: text(100),
  files: list(
    record({
      name: text(100),
      bytes: integer(0, maxReleaseBytes),
      chunks: list(text(64), maxReleaseBytes / chunkBytes),
    }),
    16,
  ),
});

/**
 * The release of a package, which is checked throughout, and its chunks by SHA-256.
 *
 * @throws {CipherlayerError} `malformed` if the package is not sound or cannot be
 * released under its name, `body-too-large`
 */
export function makeRelease(
  files: PackageFiles,
): { release: Release; chunks: Map<string, Uint8Array> } {
  const { name, version } = decodePackage(files).manifest;
  const chunks = new Map<string, Uint8Array>();
  const release: Release = {
    format: "cipherlayer-release-1",
    name,
    version,
    files: Array.from(files, ([name, bytes]) => {
      const digests: string[] = [];
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        const chunk = bytes.subarray(at, at + chunkBytes);
        const digest = encodeHex(sha256(chunk));
        digests.push(digest);
        chunks.set(digest, chunk);
      }
      return { name, bytes: bytes.length, chunks: digests };
    }),
  };
  decodeRelease(encodeRelease(release));
  return { release, chunks };
}

export function encodeRelease(release: Release): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(release));
}

/** What a release is known by: SHA-256 of its bytes, hexadecimal. */
export function releaseId(bytes: Uint8Array): string {
  return encodeHex(sha256(bytes));
}

/** @throws {CipherlayerError} `malformed`, `body-too-large` */
export function decodeRelease(bytes: Uint8Array): Release {
  let release: Release;
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    release = releaseCheck(JSON.parse(json), "release");
  } catch (error) {
    refuse(
      error instanceof Mismatch ? error.message : "expected JSON in UTF-8",
    );
  }
  for (const name of [release.name, release.version]) {
    if (!isReleaseName(name)) {
      refuse(
        `expected a name and a version of at most 100 letters, digits, _, . and -, got ${
          JSON.stringify(name)
        }`,
      );
    }
  }
  let releaseBytes = 0;
  for (const { name, bytes, chunks } of release.files) {
    if (!isReleaseName(name)) {
      refuse(`file name ${JSON.stringify(name)} is not allowed`);
    }
    const count = Math.ceil(bytes / chunkBytes);
    if (chunks.length !== count) {
      refuse(
        `expected ${count} chunks of "${name}" (${bytes} bytes), got ${chunks.length}`,
      );
    }
    if (chunks.some((digest) => !/^[0-9a-f]{64}$/.test(digest))) {
      refuse(`expected digests of chunks of "${name}" in lower hexadecimal`);
    }
    releaseBytes += bytes;
  }
  if (releaseBytes > maxReleaseBytes) {
    throw new CipherlayerError(
      "body-too-large",
      `Cannot release ${release.name}: expected at most ${maxReleaseBytes} bytes, got ${releaseBytes}`,
    );
  }
  return release;
}

/** Bytes of each chunk, by SHA-256. */
export function chunkSizes({ files }: Release): Map<string, number> {
  return new Map(
    files.flatMap(({ bytes, chunks }) =>
      chunks.map((digest, i) =>
        [digest, Math.min(chunkBytes, bytes - i * chunkBytes)] as const
      )
    ),
  );
}

/** Bytes of all files. */
export function releaseSize({ files }: Release): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Puts a chunk wherever its file names it.
 *
 * @param content the file that is put together, all of its bytes
 * @throws {CipherlayerError} `malformed` if the chunk has another length than its place
 */
export function placeChunk(
  { name, chunks }: ReleaseFile,
  digest: string,
  chunk: Uint8Array,
  content: Uint8Array,
): void {
  for (const [i, named] of chunks.entries()) {
    if (named !== digest) continue;
    const place = content.subarray(i * chunkBytes, (i + 1) * chunkBytes);
    if (chunk.length !== place.length) {
      refuse(
        `expected ${place.length} bytes in chunk ${i} of "${name}", got ${chunk.length}`,
      );
    }
    place.set(chunk);
  }
}

function refuse(why: string): never {
  throw new CipherlayerError("malformed", `Cannot read release: ${why}`);
}
