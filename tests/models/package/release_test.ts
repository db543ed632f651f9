/** Releases: their chunks give the package again, and nothing else is read as one. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { encodePackage } from "../../../models/package/package_bytes.ts";
import {
  chunkBytes,
  chunkSizes,
  decodeRelease,
  encodeRelease,
  makeRelease,
  placeChunk,
  releaseId,
  releaseSize,
} from "../../../models/package/release.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { largeModel } from "../../functions/models/owner.ts";

const files = encodePackage(largeModel("1"));
const { release, chunks } = makeRelease(files);

Deno.test("a release names its chunks as any SHA-256 does, and they join to the files", () => {
  assert.deepEqual(decodeRelease(encodeRelease(release)), release);
  for (const [digest, chunk] of chunks) {
    assert.equal(digest, createHash("sha256").update(chunk).digest("hex"));
    assert.equal(chunkSizes(release).get(digest), chunk.length);
    assert(chunk.length <= chunkBytes);
  }
  for (const file of release.files) {
    const content = new Uint8Array(file.bytes);
    for (const [digest, chunk] of chunks) {
      placeChunk(file, digest, chunk, content);
    }
    assert.deepEqual(content, files.get(file.name));
  }
  assert.equal(
    releaseSize(release),
    [...files.values()].reduce((sum, { length }) => sum + length, 0),
  );
  const file = release.files[1];
  const content = new Uint8Array(file.bytes);
  assert.throws(
    () => placeChunk(file, file.chunks[0], new Uint8Array(5), content),
    /^CipherlayerError: Cannot read release: expected 1048576 bytes in chunk 0/,
  );
});

Deno.test("a release with other bytes has another id or is refused", () => {
  const bytes = encodeRelease(release);
  const mutation = fc.record({
    at: fc.nat({ max: bytes.length - 1 }),
    to: fc.nat({ max: 255 }),
    cut: fc.boolean(),
  });
  fc.assert(
    fc.property(mutation, ({ at, to, cut }) => {
      const changed = cut ? bytes.slice(0, at) : bytes.slice();
      if (!cut) changed[at] = to;
      if (cut || bytes[at] !== to) {
        assert.notEqual(releaseId(changed), releaseId(bytes));
      }
      try {
        decodeRelease(changed);
      } catch (error) {
        assert(error instanceof CipherlayerError, `${error}`);
        assert(["malformed", "body-too-large"].includes(error.code));
      }
    }),
    { numRuns: 500 },
  );
});
