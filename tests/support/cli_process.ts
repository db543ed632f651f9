/** The command line as its users call it: a process, its streams, its exit code. */
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

export async function cipherlayer(...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", cli, ...args],
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
