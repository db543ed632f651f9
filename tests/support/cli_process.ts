/** The command line as its users call it: a process, its streams, its exit code. */
import { taskArguments } from "./task_command.ts";

/** Runs the command. */
export function cipherlayer(...args: string[]) {
  return cipherlayerWith({}, ...args);
}

/**
 * The same with more in its environment. Tests set nothing in their own, which they
 * share with tests that run beside them.
 */
export async function cipherlayerWith(
  env: Record<string, string>,
  ...args: string[]
) {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...taskArguments("cipherlayer"), ...args],
    env,
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
