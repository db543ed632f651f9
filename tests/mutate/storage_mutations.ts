/**
 * Mutations of what a gateway keeps: keys, blobs, queued readings.
 *
 * @module
 */
import type { Mutation } from "./mutations.ts";

export const storageMutations: Mutation[] = [
  {
    name: "a queue gives up what a changed contract refuses",
    file: "sdk/queue/evaluate_readings.ts",
    find: "if (cause && session.contract !== contract) {",
    replace: "if (session.contract === null) {",
    tests: ["tests/sdk/queue/offline_queue_test.ts"],
  },
  {
    name: "a damaged contract lets any other in",
    file: "sdk/keys/contract_store.ts",
    find: "kept.model === model && isContract(kept.contract)",
    replace: "kept.model === model || kept.contract !== 0",
    tests: ["tests/e2e/contract_test.ts"],
  },
  {
    name: "key files that others may read",
    file: "sdk/blobs/blob_store_file.ts",
    find: 'fs.open(temporary, "wx", 0o600)',
    replace: 'fs.open(temporary, "wx", 0o644)',
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "files that are not flushed",
    file: "sdk/blobs/blob_store_file.ts",
    find: "        await file.sync();\n",
    replace: "",
    tests: ["tests/sdk/blobs/durability_test.ts"],
  },
  {
    name: "folders that are not flushed",
    file: "sdk/blobs/blob_store_file.ts",
    find: "      await folder.sync();\n",
    replace: "",
    tests: ["tests/sdk/blobs/durability_test.ts"],
  },
  {
    name: "a symbolic link is replaced",
    file: "sdk/blobs/blob_store_file.ts",
    find: "if (await isLink(path)) {",
    replace: 'if (path === "") {',
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "two processes make a key each",
    file: "sdk/keys/key_store_sealed.ts",
    find: "if (this.#blobs.create) return",
    replace: "if (this.#blobs.create === null) return",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "saves that do not wait for each other",
    file: "sdk/keys/key_store_sealed.ts",
    find: "if (!this.#blobs.lock) return",
    replace: "if (this.#blobs) return",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "a retired key in the current one's place",
    file: "sdk/keys/key_store_sealed.ts",
    find: "if (bytes && isRetired(bytes)) {",
    replace: "if (bytes === undefined) {",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "another key than the one that is named",
    file: "sdk/keys/key_store_sealed.ts",
    find: "if (key && fingerprint !== undefined && opened !== fingerprint) {",
    replace: "if (key === undefined) {",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "a sealed key's header is not authenticated",
    file: "sdk/keys/key_sealing.ts",
    find:
      "additionalData: utf8(JSON.stringify({ format, fingerprint, kdf, cipher })),",
    replace: 'additionalData: utf8(""),',
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "one salt for all passphrases",
    file: "sdk/keys/key_sealing.ts",
    find: "salt: encodeBase64Url(random(16)),",
    replace: "salt: encodeBase64Url(random(16).fill(0)),",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "one nonce for all sealed keys",
    file: "sdk/keys/key_sealing.ts",
    find: "const nonce = random(12);",
    replace: "const nonce = random(12).fill(0);",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "no warning of a file's mode",
    file: "sdk/keys/file_modes.ts",
    find: "if (fileMode !== null && (fileMode & groupAndOthers) !== 0) {",
    replace: "if (fileMode === 0) {",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "no warning of a folder's mode",
    file: "sdk/keys/file_modes.ts",
    find: "(folderMode & writableByOthers) !== 0",
    replace: "folderMode === 0",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "a key is made where none may be",
    file: "sdk/keys/key_store.ts",
    find: "if (options.create === false) {",
    replace: "if (options.create === null) {",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "a new identity goes unsaid",
    file: "sdk/keys/key_store.ts",
    find: "options.onNewKey?.(key);",
    replace: "",
    tests: ["tests/sdk/keys/key_store_test.ts"],
  },
  {
    name: "one nonce for all queued readings",
    file: "sdk/queue/offline_queue_sealing.ts",
    find: "const nonce = this.#random(nonceBytes);",
    replace: "const nonce = this.#random(nonceBytes).fill(0);",
    tests: ["tests/sdk/queue/offline_queue_test.ts"],
  },
  {
    name: "numbers of readings that come back",
    file: "sdk/queue/queue_blobs.ts",
    find: "await this.#store.write(nameOf(id), Uint8Array.of(kinds.mark));",
    replace: "await this.#store.remove(nameOf(id));",
    tests: ["tests/sdk/queue/offline_queue_test.ts"],
  },
  {
    name: "a queue that takes one reading too many",
    file: "sdk/queue/offline_queue.ts",
    find: "this.waiting - this.#underWay.size >= this.#capacity;",
    replace: "this.waiting - this.#underWay.size > this.#capacity;",
    tests: ["tests/sdk/queue/offline_queue_test.ts"],
  },
  {
    name: "a refusal that stops the readings beside it",
    file: "sdk/queue/evaluate_readings.ts",
    find: "readings.filter((_, i) => refusals[i] === null),",
    replace:
      "readings.filter(() => refusals.every((refusal) => refusal === null)),",
    tests: ["tests/sdk/queue/offline_queue_test.ts"],
  },
  {
    name: "an outcome that is gone before it was dealt with",
    file: "sdk/queue/offline_queue.ts",
    find:
      "          yield unrecorded ?? await this.#blobs.readOutcome(id);\n          await this.#change(() => this.#remove(id));",
    replace:
      "          const outcome = unrecorded ?? await this.#blobs.readOutcome(id);\n          await this.#change(() => this.#remove(id));\n          yield outcome;",
    tests: ["tests/sdk/queue/offline_queue_test.ts"],
  },
  {
    name: "damaged databases are opened",
    file: "functions/stores/kv_state.ts",
    find: "if (damage) throw",
    replace: "if (damage === undefined) throw",
    tests: ["tests/functions/settings/environment_test.ts"],
  },
  {
    name: "a database without its end stays open",
    file: "functions/stores/heartbeat.ts",
    find: "if (this.#isCut()) throw",
    replace: "if (!this.#isCut) throw",
    tests: ["tests/functions/stores/heartbeat_test.ts"],
  },
  {
    name: "a lock in Deno KV that is taken from who holds it",
    file: "sdk/blobs/kv_lock.ts",
    find: "holder === null || (seen",
    replace: "holder !== undefined || (seen",
    tests: ["tests/sdk/blobs/kv_lock_test.ts"],
  },
  {
    name: "who lost a lock in Deno KV goes on writing",
    file: "sdk/blobs/kv_lock.ts",
    find:
      "return change.check({ key: holder, versionstamp: this.#versionstamp });",
    replace: "return holder.length === 0 ? change : change;",
    tests: ["tests/sdk/blobs/kv_lock_test.ts"],
  },
  {
    name: "a sensor that hangs is not told",
    file: "examples/smart_home/unchanged.ts",
    find: "if (sameMs < maxSameMs ||",
    replace: "if (sameMs < Infinity ||",
    tests: ["tests/examples/occupancy_test.ts"],
  },
  {
    name: "S3 may ignore If-Match",
    file: "functions/stores/s3.ts",
    find: '[wrongTag, "If-Match"],',
    replace: "",
    tests: ["tests/functions/stores/s3_faults_test.ts"],
  },
  {
    name: "a listing of S3 that breaks off is whole",
    file: "functions/stores/s3_listing.ts",
    find: "if (content === undefined) {",
    replace: "if (content === undefined && xml === '') {",
    tests: ["tests/functions/stores/s3_faults_test.ts"],
  },
];
