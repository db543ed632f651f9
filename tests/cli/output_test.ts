/**
 * Tables and numbers for people.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import {
  groupDigits,
  readableBytes,
  threeDigits,
} from "../../cli/output/numbers.ts";
import { table } from "../../cli/output/table.ts";

Deno.test("table aligns columns of numbers to the right", () => {
  equal(
    table(["round", "ms", "note"], [["1", 12, "a"], ["total", 1234, ""]]),
    "round    ms  note\n1        12  a\ntotal  1234",
  );
});

Deno.test("table aligns the named columns to the right, under a rule", () => {
  equal(
    table(["round", "ms"], [["1", "12"], ["total", "1,234"]], {
      right: [1],
      isRuled: true,
    }),
    "round     ms\n-----  -----\n1         12\ntotal  1,234",
  );
});

Deno.test("grouped rounds and sets commas between thousands", () => {
  equal(groupDigits(1234567.4), "1,234,567");
});

Deno.test("threeDigits keeps three digits, and all of them before the point", () => {
  equal(threeDigits(0.0123456), "0.0123");
  equal(threeDigits(12.3456), "12.3");
  equal(threeDigits(1234.56), "1,235");
});

Deno.test("readableBytes chooses the unit that suits", () => {
  equal(readableBytes(999), "999 B");
  equal(readableBytes(1234), "1.2 kB");
  equal(readableBytes(61_440), "61.4 kB");
  equal(readableBytes(312_400), "312 kB");
  equal(readableBytes(1_214_000), "1.21 MB");
});
