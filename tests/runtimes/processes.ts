/** Other programs, for tests that run them. */
import assert from "node:assert/strict";

/** Runs a program to its end; fails with what it wrote if it fails. Returns its output. */
export async function runCommand(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(success, `${program}: ${new TextDecoder().decode(stderr)}${text}`);
  return text;
}

/** Major version of `node` on the PATH, 0 where there is none. */
export async function nodeMajor(): Promise<number> {
  try {
    const { stdout } = await new Deno.Command("node", { args: ["--version"] })
      .output();
    return Number(new TextDecoder().decode(stdout).match(/^v(\d+)/)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Whether `program` is on the PATH and works. */
export async function canRun(
  program: string,
  argument = "--version",
): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, {
      args: [argument],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
