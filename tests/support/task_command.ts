/**
 * The tasks of deno.json as tests run them: with what users' processes are allowed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import configuration from "../../deno.json" with { type: "json" };

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Arguments of `deno` for a task that is one `deno run`; whatever else it asks for is
 * refused.
 *
 * @param name of the task
 */
export function taskArguments(
  name: keyof typeof configuration["tasks"],
): string[] {
  const [deno, run, ...words] = configuration.tasks[name].split(" ");
  if (deno !== "deno" || run !== "run") {
    throw new TypeError(`The task ${name} is no deno run`);
  }
  const file = words.pop()!;
  return ["run", "--no-prompt", ...words, root + file];
}
