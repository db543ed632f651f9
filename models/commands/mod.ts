/** Every command of `cipherlayer`, one file each. */
import type { Command } from "commander";
import { attackCommand } from "./attack.ts";
import { compileCommand } from "./compile.ts";
import { inspectCommand } from "./inspect.ts";
import { keysCommand } from "./keys.ts";
import { leakageCommand } from "./leakage.ts";
import { planCommand } from "./plan.ts";
import { simulateCommand } from "./simulate.ts";
import { verifyCommand } from "./verify.ts";

/** In the order of `--help`. */
export const commands: (() => Command)[] = [
  compileCommand,
  simulateCommand,
  planCommand,
  inspectCommand,
  leakageCommand,
  keysCommand,
  verifyCommand,
  attackCommand,
];
