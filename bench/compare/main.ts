/**
 * `deno task bench`: Cipherlayer beside its references, measured in one run.
 * The table or JSON goes to standard output, progress to standard error.
 *
 * @module
 */
import { Command } from "commander";
import {
  collect,
  parseArguments,
  print,
  UsageError,
} from "../../cli/commands/command.ts";
import { exitCodeOf } from "../../cli/commands/program.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import type { BenchContext, BenchGroup } from "../shared/harness.ts";
import { describeMachine } from "../../cli/output/machine.ts";
import { formatReport, type Report } from "./report.ts";
import { concurrency } from "./concurrency.ts";
import { gateway } from "./gateway.ts";
import { growth } from "./growth.ts";
import { lattice } from "./lattice.ts";
import { lenet } from "./lenet.ts";
import { products } from "./products.ts";
import { scaling } from "./scaling.ts";
import { throughput } from "./throughput.ts";

const groups: BenchGroup[] = [
  products,
  gateway,
  lenet,
  throughput,
  scaling,
  growth,
  concurrency,
  lattice,
];

const rows = `Rows: ${groups.flatMap((group) => group.names).join(", ")}`;

async function main(args: string[]): Promise<void> {
  const command = new Command("deno task bench")
    .description("Cipherlayer beside its references, measured in one run.")
    .option(
      "--only <name>",
      "only rows whose name starts so; may be repeated",
      collect,
    )
    .option("--json", "print one JSON object {machine, kernel, results}", false)
    .addHelpText("after", `\n${rows}`);
  const values = parseArguments(command, args);
  const prefixes: string[] = values.only ?? [""];
  const started = performance.now();
  const context: BenchContext = {
    wants: (name) => prefixes.some((prefix) => name.startsWith(prefix)),
    progress: (message) => {
      const seconds = Math.round((performance.now() - started) / 1000);
      console.error(`${String(seconds).padStart(4)} s  ${message}`);
    },
  };
  const selected = groups.filter((group) => group.names.some(context.wants));
  if (selected.length === 0) {
    throw new UsageError(
      `No row starts with ${prefixes.join(" or ")}\n\n${rows}`,
    );
  }
  const report: Report = {
    machine: describeMachine(),
    kernel: selectKernel().name,
    results: [],
  };
  for (const group of selected) {
    report.results.push(...await group.run(context));
  }
  print(values.json, report, () => formatReport(report));
}

if (import.meta.main) {
  Deno.exit(await exitCodeOf(() => main(Deno.args)));
}
