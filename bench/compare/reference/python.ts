/**
 * A Python reference that waits, and measures once for every line it reads.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
export interface PythonReference extends AsyncDisposable {
  /** Asks for one measurement: sends a line, reads a line of JSON. */
  measure<Figures>(line?: string): Promise<Figures>;
}

/** How to get what the Python references need. */
export const installGmpy2 =
  "reference absent: `apt-get install python3-gmpy2`, or any python3 that imports gmpy2";

/**
 * Starts `script` (a name in this folder) under the first Python that has gmpy2;
 * null where none has.
 */
export async function startPython(
  script: string,
  args: string[],
): Promise<PythonReference | null> {
  const python = await pythonWithGmpy2();
  if (python === null) return null;
  const child = new Deno.Command(python, {
    args: [fileURLToPath(new URL(script, import.meta.url)), ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const requests = child.stdin.getWriter();
  const answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  return {
    async measure(line = "") {
      await requests.write(new TextEncoder().encode(line + "\n"));
      while (!unread.includes("\n")) {
        const { value, done } = await answers.read();
        if (done) throw new Error(`Cannot measure: ${script} ended`);
        unread += value;
      }
      const end = unread.indexOf("\n");
      const answer = JSON.parse(unread.slice(0, end));
      unread = unread.slice(end + 1);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await requests.close();
      await answers.cancel();
      await child.status;
    },
  };
}

async function pythonWithGmpy2(): Promise<string | null> {
  // Debian installs gmpy2 for its own Python, which need not come first on PATH.
  for (const python of ["python3", "/usr/bin/python3"]) {
    try {
      const { success } = await new Deno.Command(python, {
        args: ["-c", "import gmpy2"],
        stderr: "null",
      }).output();
      if (success) return python;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}
