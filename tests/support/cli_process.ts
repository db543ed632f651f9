/** The command line as its users call it: a process, its streams, its exit code. */
import { taskArguments } from "./task_command.ts";

export async function cipherlayer(...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...taskArguments("cipherlayer"), ...args],
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
