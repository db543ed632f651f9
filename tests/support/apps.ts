/** Runs the smart-home apps as a user does, against functions on a real port. */
import { existsSync } from "node:fs";
import { readPackage } from "../../models/package/read_package.ts";
import { type Cloud, startCloud } from "./cloud.ts";

const folder = (model: string) => `models/zoo/${model}/package`;

/** Whether a model's package is missing. */
export function isMissing(model: string): boolean {
  return !existsSync(`${folder(model)}/manifest.json`);
}

export async function cloudWith(model: string): Promise<Cloud> {
  return startCloud([await readPackage(folder(model))]);
}

/** An app with a data folder of its own; ended, if it still runs, at the end. */
export async function startApp(
  app: string,
  args: string[],
): Promise<{ child: Deno.ChildProcess } & AsyncDisposable> {
  const data = await Deno.makeTempDir();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `examples/${app}/main.ts`, ...args],
    env: { XDG_DATA_HOME: data, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return {
    child,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
      await Deno.remove(data, { recursive: true });
    },
  };
}

/** Runs an app to its end. */
export async function runApp(
  app: string,
  args: string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using started = await startApp(app, args);
  const { code, stdout, stderr } = await started.child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** The objects that an app with `--json` printed. */
export function jsonLines<T>(stdout: string): T[] {
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

/** A key that costs little, for tests. */
export const insecureKey = ["--insecure-key-bits", "512"];
