/** Tables as CSV: what is written reads back. */
import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { Archive } from "../../../bench/paper/archive.ts";
import { formatTable, parseTable } from "../../../bench/paper/table.ts";

Deno.test("cells read back as they were: numbers, truth values, nothing, texts with commas and quotes", () => {
  const rows = [
    { name: 'a, "b"', value: 1.25e-7, flag: true, nothing: null },
    {
      name: "[link](https://example.org)\nsecond line",
      value: -3,
      flag: false,
      nothing: null,
    },
  ];
  deepEqual(parseTable(formatTable(rows)), rows);
});

Deno.test("any row of plain values round-trips", () => {
  const text = fc.string({ unit: "grapheme" }).map((value) => `t${value}`);
  const cell = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
    fc.boolean(),
    fc.constant(null),
    text,
  );
  fc.assert(
    fc.property(
      fc.array(fc.record({ a: cell, b: cell, c: cell }), { minLength: 1 }),
      (rows) => {
        // A carriage return alone is a line end to CSV's readers.
        const clean = JSON.parse(JSON.stringify(rows).replaceAll("\\r", " "));
        deepEqual(parseTable(formatTable(clean)), clean);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("refuses texts that would read back as numbers", () => {
  for (const text of ["512", "1e9", "true", "-0.5"]) {
    throws(() => formatTable([{ text }]), /expected a text in column text/);
  }
});

Deno.test("an archive keeps tables and machines by a short name that is no number", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const archive = new Archive(`${folder}/data`);
    equal(await archive.read("rows"), null);
    await archive.write("rows", [{ a: 1 }, { a: 2 }]);
    deepEqual(await archive.read("rows"), [{ a: 1 }, { a: 2 }]);
    const id = await archive.machineId("two cores, 24 GiB");
    equal(await archive.machineId("two cores, 24 GiB"), id);
    const other = await archive.machineId("another");
    deepEqual(
      [...await archive.machines()],
      [[id, "two cores, 24 GiB"], [other, "another"]],
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
