/**
 * Every command of `cipherlayer`, one file each.
 *
 * @module
 */
import type { Command } from "commander";
import { accuracyCommand } from "./accuracy.ts";
import { attackCommand } from "./attack.ts";
import { compileCommand } from "./compile.ts";
import { deployCommand } from "./deploy.ts";
import { inspectCommand } from "./inspect.ts";
import { keysCommand } from "./keys.ts";
import { leakageCommand } from "./leakage.ts";
import { modelsCommand } from "./models.ts";
import { ownerKeyCommand } from "./owner_key.ts";
import { planCommand } from "./plan.ts";
import { runCommand } from "./run.ts";
import { serveCommand } from "./serve.ts";
import { simulateCommand } from "./simulate.ts";
import { tokenCommand } from "./token.ts";
import { verifyCommand } from "./verify.ts";

/** In the order of `--help`. */
export const commands: (() => Command)[] = [
  compileCommand,
  simulateCommand,
  runCommand,
  accuracyCommand,
  serveCommand,
  planCommand,
  inspectCommand,
  leakageCommand,
  deployCommand,
  modelsCommand,
  ownerKeyCommand,
  keysCommand,
  tokenCommand,
  verifyCommand,
  attackCommand,
];
