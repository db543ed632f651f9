/** Whatever owners do in whatever order, a model keeps a whole version to serve, until it is withdrawn. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  activate,
  activeRelease,
  beginRemoval,
  beginUpload,
  continueUpload,
  decodeState,
  defaultDeploymentLimits,
  emptyState,
  encodeState,
  forgetRelease,
  type ModelState,
  presentRelease,
  rollBack,
  storeRelease,
  sweepUploads,
  withdraw,
} from "../../../functions/models/model_state.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";

const limits = { ...defaultDeploymentLimits, releases: 6, uploads: 3 };

/** An operation on any of five releases, two of which have one version. */
const operation = fc.record({
  kind: fc.constantFrom(
    "begin",
    "commit",
    "activate",
    "rollBack",
    "withdraw",
    "remove",
    "clear",
  ),
  release: fc.integer({ min: 0, max: 4 }),
  laterMs: fc.constantFrom(1, 1000, limits.uploadLifetimeMs + 1),
});

Deno.test("the active version is stored, versions are unique, removed ones stay removed", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      let state: ModelState = emptyState;
      let nowMs = 0;
      const places = new Set<string>();
      const gone = new Set<string>();
      for (const [step, { kind, release, laterMs }] of operations.entries()) {
        nowMs += laterMs;
        const id = `${release}`;
        const version = release === 4 ? "3" : id;
        const before = JSON.stringify(state);
        let after = state;
        try {
          switch (kind) {
            case "begin":
              after = beginUpload(
                state,
                { id, version, place: `${step}`, bytes: 1 },
                limits,
                nowMs,
              );
              break;
            case "commit":
              after = storeRelease(continueUpload(state, id, nowMs), id, nowMs);
              break;
            case "activate":
              after = activate(state, version, nowMs);
              break;
            case "rollBack":
              after = rollBack(state, nowMs);
              break;
            case "withdraw":
              after = withdraw(state);
              break;
            case "remove":
              after = beginRemoval(state, version, nowMs);
              break;
            case "clear":
              after = sweepUploads(state, limits, nowMs);
              for (const { stage, place } of after.releases) {
                if (stage === "removing") after = forgetRelease(after, place);
              }
          }
        } catch (error) {
          assert(error instanceof CipherlayerError, `${error}`);
        }
        assert.equal(JSON.stringify(state), before, "changes are pure");
        assert.deepEqual(decodeState(encodeState(after)), after);
        // Something is served until it is withdrawn.
        if (state.active && kind !== "withdraw") assert(after.active);
        if (after.active) assert.equal(activeRelease(after)?.stage, "stored");
        for (const id of after.earlier) {
          assert.equal(presentRelease(after, id)?.stage, "stored");
        }
        const versions = after.releases.filter(({ stage }) =>
          stage === "stored"
        )
          .map(({ version }) => version);
        assert.equal(new Set(versions).size, versions.length);
        const uploads = after.releases.filter(({ stage }) =>
          stage === "uploading"
        );
        assert(uploads.length <= limits.uploads);
        assert(after.releases.length <= limits.releases);
        const present = new Set(after.releases.map(({ place }) => place));
        for (const place of present) {
          assert(!gone.has(place), "a place is used once");
          places.add(place);
        }
        for (const place of places) if (!present.has(place)) gone.add(place);
        state = after;
      }
    }),
  );
});

Deno.test("refuses states of another form", () => {
  for (
    const text of [
      "",
      "null",
      "{}",
      '{"releases":[],"active":null}',
      '{"releases":[{}],"active":null,"earlier":[]}',
      '{"releases":[],"active":{"id":"a","sinceMs":-1},"earlier":[]}',
    ]
  ) {
    assert.throws(
      () => decodeState(new TextEncoder().encode(text)),
      /^Error: Cannot read a model's state: expected /,
    );
  }
});
