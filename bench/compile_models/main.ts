/**
 * Compiles every ONNX file of the folders given, each in a process and a time of its
 * own, and prints a table of what came of them. Readings are noise, so that errors say
 * how the integers follow the floating-point model, not how good that is.
 *
 * @module
 */
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { markdownTable } from "../paper/render/markdown.ts";
import type { Outcome } from "./one.ts";

/** Characters of a message that the table shows. */
const shownCharacters = 160;

async function compileFile(path: string, seconds: number): Promise<Outcome> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("one.ts", import.meta.url).href, path],
    stderr: "inherit",
    signal: AbortSignal.timeout(seconds * 1000),
  }).output();
  if (!success) return { failed: `not done in ${seconds} s, or ended` };
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Outcomes of an earlier run, by file. */
async function readState(path?: string): Promise<Record<string, Outcome>> {
  if (!path) return {};
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

function rowOf(name: string, outcome: Outcome): string[] {
  if (!("rounds" in outcome)) {
    const [what, message] = "refused" in outcome
      ? ["refused", outcome.refused.split("\n").slice(1).join(" ").trim()]
      : ["failed", outcome.failed];
    const text = message.replaceAll("|", "/").slice(0, shownCharacters);
    return [name, `${what}: ${text}`, ...Array(7).fill("")];
  }
  const percent = (share: number | null) =>
    share === null ? "" : `${(100 * share).toFixed(1)} %`;
  return [
    name,
    "compiled",
    `${outcome.rounds}`,
    `${outcome.weights}`,
    `${outcome.weightBits}${
      outcome.bits === "chosen" ? "" : ` (${outcome.bits})`
    }`,
    percent(outcome.error),
    percent(outcome.agreement),
    `${outcome.lowerSeconds.toFixed(1)} / ${outcome.compileSeconds.toFixed(0)}`,
    outcome.peakMegabytes.toFixed(0),
  ];
}

const command = new Command("compile_models")
  .argument("<folders...>", "folders of ONNX files")
  .option("--seconds <n>", "time of one file", wholeNumber(1), 120)
  .option(
    "--state <file>",
    "what came of files so far: goes on where it stopped",
  )
  .parse(Deno.args, { from: "user" });
const { seconds, state } = command.opts<{ seconds: number; state?: string }>();
const known = await readState(state);
const rows: string[][] = [];
for (const folder of command.args) {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".onnx")).sort();
  for (const name of names) {
    const outcome = known[name] ?? await compileFile(
      `${folder}/${name}`,
      seconds,
    );
    known[name] = outcome;
    if (state) await Deno.writeTextFile(state, JSON.stringify(known));
    rows.push(rowOf(name.replace(/\.onnx$/, ""), outcome));
    console.error(rows.at(-1)!.join(" | "));
  }
}
console.log(markdownTable([
  ...["model", "result", "rounds", "weights", "weight bits"],
  ...["worst score's error", "same arg-max", "lower / compile, s", "peak MB"],
], rows));
