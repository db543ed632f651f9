import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type AccessEntry,
  parseAccess,
} from "../../../functions/access/entries.ts";

const digest = "0123456789abcdef".repeat(4);

const entries = fc.uniqueArray(
  fc.record({
    account: fc.string({ minLength: 1, maxLength: 200 }),
    roles: fc.constantFrom(["client"], ["owner"], ["client", "owner"]),
    models: fc.oneof(fc.constant("all"), fc.array(fc.string())),
    sha256: fc.option(
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) =>
        bytes.toHex()
      ),
      { nil: undefined },
    ),
  }, { noNullPrototype: true }),
  { selector: ({ account, sha256 }) => sha256 ?? `account ${account}` },
);

Deno.test("reads back entries with any names", () => {
  fc.assert(fc.property(entries, (list) => {
    const lines = list.map((entry) => JSON.stringify(entry));
    const read = parseAccess(lines.join("\n\n") + "\r\n");
    assert.deepEqual(
      read,
      list.map((entry) => ({
        ...entry,
        expiresAt: undefined,
      })) as AccessEntry[],
    );
  }));
});

Deno.test("names a wrong line without repeating it", () => {
  const good = { account: "a", roles: ["client"], models: "all" };
  const wrong: [line: string, expected: RegExp][] = [
    ["hunter2", /a JSON object$/],
    ["[]", /a JSON object$/],
    ["null", /a JSON object$/],
    [JSON.stringify({ ...good, token: "hunter2" }), /no members but account/],
    [JSON.stringify({ ...good, account: "" }), /account to be text/],
    [JSON.stringify({ ...good, account: "a".repeat(201) }), /1 to 200/],
    [JSON.stringify({ ...good, roles: [] }), /roles to be a list/],
    [JSON.stringify({ ...good, roles: ["hunter2"] }), /client, owner$/],
    [JSON.stringify({ ...good, models: [1] }), /"all" or a list of names/],
    // The secret in the place of its digest.
    [JSON.stringify({ ...good, sha256: "hunter2" }), /64 hexadecimal digits/],
    [JSON.stringify({ ...good, sha256: digest.toUpperCase() }), /lower case$/],
    [
      JSON.stringify({ ...good, sha256: digest, expiresAt: "hunter2" }),
      /ISO 8601 date/,
    ],
    [
      JSON.stringify({ ...good, expiresAt: "2030-01-01T00:00:00Z" }),
      /beside sha256$/,
    ],
    [JSON.stringify(good), /that no line before it is for$/],
  ];
  for (const [line, expected] of wrong) {
    assert.throws(
      () => parseAccess(`${JSON.stringify(good)}\n\n${line}\n`),
      (error: RangeError) => {
        assert(error instanceof RangeError);
        assert.match(error.message, /^Cannot read access, line 3: expected /);
        assert.match(error.message, expected);
        assert(!error.message.includes("hunter2"));
        return true;
      },
    );
  }
});
