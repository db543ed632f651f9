/**
 * `deno task bench`: Cipherlayer beside its references, measured in one run.
 * The table or JSON goes to standard output, progress to standard error.
 */
import { parseArgs } from "node:util";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import type { BenchContext, BenchGroup } from "../shared/harness.ts";
import { describeMachine } from "../../cli/output/machine.ts";
import { formatReport, type Report } from "./report.ts";
import { edge } from "./edge.ts";
import { growth } from "./growth.ts";
import { lattice } from "./lattice.ts";
import { lenet } from "./lenet.ts";
import { products } from "./products.ts";
import { scaling } from "./scaling.ts";
import { throughput } from "./throughput.ts";

const groups: BenchGroup[] = [
  products,
  edge,
  lenet,
  throughput,
  scaling,
  growth,
  lattice,
];

const usage = `usage: deno task bench [--json] [--only NAME]...

  --json       one JSON object {machine, kernel, results} on standard output
  --only NAME  only rows whose name starts with NAME; may be repeated
  --help       this text

rows: ${groups.flatMap((group) => group.names).join(", ")}
`;

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: "boolean" },
      only: { type: "string", multiple: true },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const prefixes = values.only ?? [""];
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
    console.error(`No row starts with ${prefixes.join(" or ")}\n\n${usage}`);
    return 2;
  }
  const report: Report = {
    machine: describeMachine(),
    kernel: selectKernel().name,
    results: [],
  };
  for (const group of selected) {
    report.results.push(...await group.run(context));
  }
  console.log(values.json ? JSON.stringify(report) : formatReport(report));
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
