#!/usr/bin/env node
/**
 * `cipherlayer` as npm installs it: the command line, and the demo beside it.
 *
 * @module
 */
import { Command } from "commander";
import { main } from "../../cli/main.ts";
import { runDemo } from "./main.ts";

const demo = () =>
  new Command("demo")
    .summary("classify a handwritten digit that the cloud does not see")
    .helpOption(false)
    .allowUnknownOption()
    .argument("[options...]")
    .action((options: string[]) => runDemo(options));

await main([demo]);
