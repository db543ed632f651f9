/**
 * What the control plane answers (PROTOCOL.md). Times are milliseconds since 1970.
 *
 * @module
 */

/** Where an upload stands. */
export interface UploadStatus {
  /** SHA-256 of the release. */
  id: string;
  name: string;
  version: string;
  bytes: number;
  /** Whether nothing is left to be done. */
  stored: boolean;
  /** Digests of the chunks that are still to be sent. */
  missing: string[];
  /** An upload that has not gone on by then is removed. */
  expiresAt: number | null;
}

/** What owners see of a model. */
export interface ModelStatus {
  name: string;
  active: { version: string; sinceMs: number } | null;
  /** What a rollback would activate. */
  previous: string | null;
  versions: { version: string; bytes: number; storedMs: number }[];
  uploads: { id: string; version: string; bytes: number; sinceMs: number }[];
}
