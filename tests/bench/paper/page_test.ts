/** The page: links, sources and honesty, from made-up tables. */
import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { rowsOf } from "../../../bench/paper/measure/encrypted.ts";
import { summarise } from "../../../bench/paper/render/accuracy.ts";
import { assumptions, energyOf } from "../../../bench/paper/render/energy.ts";
import { toSvg } from "../../../bench/paper/render/figure.ts";
import { exponents } from "../../../bench/paper/render/key_lengths.ts";
import { renderPage } from "../../../bench/paper/render/page.ts";
import {
  emptyTables,
  encryptedRows,
  fullTables,
  provenance,
} from "./tables.ts";

/** Whether every element that is opened is closed, in order, in one root. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  let roots = 0;
  for (
    const [tag, close, name, self] of xml.matchAll(
      /<(\/?)([a-zA-Z:]+)[^<>]*?(\/?)>/g,
    )
  ) {
    ok(!/=[^"']/.test(tag.replaceAll(/"[^"]*"/g, '""')), tag);
    if (close) {
      if (open.pop() !== name) return false;
    } else if (!self) {
      if (open.length === 0) roots++;
      open.push(name);
    }
  }
  return roots === 1 && open.length === 0 && !/&(?![a-z]+;|#\d+;)/.test(xml);
}

Deno.test("every figure is linked once, and every link has its figure", () => {
  const { text, figures } = renderPage(fullTables());
  const links = [...text.matchAll(/!\[[^\]]+\]\(figures\/([^)]+)\)/g)]
    .map(([, file]) => file);
  deepEqual(links.toSorted(), figures.map(({ file }) => file).toSorted());
  equal(new Set(links).size, links.length);
  ok(links.length >= 7);
});

Deno.test("figures are well-formed SVG on white, with titles of axes", async () => {
  for (const { file, spec } of renderPage(fullTables()).figures) {
    const svg = await toSvg(spec);
    ok(isWellFormed(svg), file);
    match(svg, /fill="white"/, file);
    doesNotMatch(svg, /NaN|undefined|Infinity/, file);
  }
});

Deno.test("every section names a command, and quoted figures are said to be", () => {
  const { text } = renderPage(fullTables());
  const sections = text.split(/^## /m).slice(1);
  equal(sections.length, 11);
  for (const section of sections) {
    match(section, /Command: |deno task/, section);
  }
  match(text, /\[Other\]\(https:\/\/example\.org\/other\) \(2020\), quoted/);
  match(text, /\[Peer\]\(https:\/\/example\.org\/peer\) \(2021\), quoted/);
  match(text, /512 \(\*\*insecure\*\*\)/);
});

Deno.test("the page names what has not been measured, with its command", () => {
  const { text, figures } = renderPage(emptyTables());
  equal(figures.length, 0);
  for (
    const stage of [
      "pictures",
      "one-sample",
      "key-lengths",
      "layers",
      "batch",
      "attacks",
      "gateway",
      "accuracy",
      "resnet20",
    ]
  ) {
    match(
      text,
      new RegExp(`Not measured yet: \`deno task paper --only ${stage}\``),
    );
  }
  match(text, /Nothing has been measured yet/);
});

Deno.test("an encrypted run that is not over says so, and differences are shown", () => {
  const tables = fullTables();
  const [run] = tables.encrypted;
  doesNotMatch(renderPage(tables).text, /so far/);
  run.rows = encryptedRows(20, { otherPredictions: 2, otherRounds: 3 });
  const { text } = renderPage(tables);
  match(text, /20 of 30 samples \*\*so far\*\*/);
  match(text, /\*\*18 of 20\*\*/);
  match(text, /\*\*17 of 20\*\*/);
});

Deno.test("the page names another machine, a quick run and a busy machine", () => {
  const tables = fullTables();
  tables.batch = tables.batch!.map((row) => ({ ...row, machine: "mother" }));
  tables.gateway = tables.gateway!.map((row) => ({ ...row, quick: true }));
  tables.layers = tables.layers!.map((row) => ({ ...row, load: 9 }));
  const { text } = renderPage(tables);
  equal(text.match(/machine `mother`, \*\*not the machine/g)?.length, 1);
  equal(text.match(/A quick run, to develop/g)?.length, 1);
  equal(text.match(/Others were working on the machine/g)?.length, 1);
});

Deno.test("finds exponents of power laws and sums of a run", () => {
  const fits = exponents(fullTables().keyLengths!);
  const of = (method: string) =>
    fits.find((fit) => fit.method === method && fit.samples === 64)!.exponent;
  ok(Math.abs(of("packed") - 2) < 1e-9);
  ok(Math.abs(of("element by element") - 3) < 1e-9);
  deepEqual(summarise(encryptedRows(4, { otherPredictions: 1 })), {
    samples: 4,
    right: 3,
    predictionsEqual: 3,
    roundsEqual: 4,
    secondsEach: 0.25,
  });
});

Deno.test("estimates energy by processor seconds times watts and bits times energy", () => {
  const { computing, radios } = energyOf({ cpuMs: 1000, bytes: 1e6 });
  equal(computing, assumptions.slowerBy * assumptions.coreWatts);
  deepEqual(
    radios.map((joules) => Math.round(1000 * joules)),
    assumptions.radios.map(({ nanojoulesPerBit }) => 8 * nanojoulesPerBit),
  );
});

Deno.test("a state becomes rows in order, the last word on a sample wins", async () => {
  const line = (index: number, predicted: number) => ({
    index,
    predicted,
    simulated: 7,
    roundsEqual: true,
    label: 7,
    seconds: 0.5,
    samples: 2,
    model: "m",
    version: "123",
    keyBits: 512,
    machine: "two cores",
    finishedAt: "2026-01-02T03:04:05.678Z",
  });
  const rows = await rowsOf(
    [line(1, 7), line(0, 1), line(0, 7)],
    () => Promise.resolve("mabc"),
  );
  deepEqual(rows.map(({ index, predicted }) => [index, predicted]), [
    [0, 7],
    [1, 7],
  ]);
  equal(rows[0].insecure, true);
  equal(rows[0].machine, provenance.machine);
  equal(rows[0].measuredAt, "2026-01-02T03:04Z");
});
