/** The table of operators in models/README.md against the tests that it names. */
import { deepEqual, ok } from "node:assert/strict";
import { operatorCases } from "./operator_cases.ts";

interface NamedTest {
  operators: string;
  /** Of the test's file, from models/README.md on. */
  link: string;
  name: string;
}

const readme = new URL("../../../models/README.md", import.meta.url);

/** Rows of the table, and the tests that they name. */
async function readTable() {
  const lines = (await Deno.readTextFile(readme)).split("\n")
    .filter((line) => line.startsWith("| "));
  const rows = lines
    .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| /, "")))
    .filter((cells) =>
      cells.length === 4 && !/^(operator|-+)\s*$/.test(cells[0])
    );
  const named = rows.flatMap(([operators, , , tests]) =>
    tests.split("; [").flatMap((part): NamedTest[] => {
      const link = /\]\(([^)]+)\)/.exec(part)?.[1] ?? "";
      return Array.from(
        part.matchAll(/`([^`]+)`/g),
        ([, name]) => ({ operators: operators.trim(), link, name }),
      );
    })
  );
  return { rows: rows.map(([operators]) => operators.trim()), named };
}

Deno.test("every row of the operator table names existing tests", async () => {
  const { rows, named } = await readTable();
  ok(rows.length >= 15, `${rows.length} rows`);
  deepEqual(
    rows.filter((row) => !named.some(({ operators }) => operators === row)),
    [],
  );
  for (const { link, name } of named) {
    const source = await Deno.readTextFile(new URL(link, readme));
    const found = link.endsWith("/operators_test.ts")
      ? operatorCases.some((operatorCase) => operatorCase.name === name)
      : source.includes(`Deno.test("${name}"`);
    ok(found, `${link} has no test "${name}"`);
  }
});

Deno.test("every operator's test is named in the table", async () => {
  const { named } = await readTable();
  const names = new Set(named.map(({ name }) => name));
  deepEqual(
    operatorCases.map(({ name }) => name).filter((name) => !names.has(name)),
    [],
  );
});
