/** Programs that are told what to do a line at a time, and answer on lines. */

/** A program of this repository that answers each line with one. */
export interface LineProcess extends AsyncDisposable {
  ask(question: unknown): Promise<unknown>;
}

/** Starts a module, which first prints a line. */
export async function startLineProcess(
  module: URL,
  env: Record<string, string>,
): Promise<LineProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", module.href],
    env,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = lineReader(child.stdout);
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("The process ended");
    return value;
  };
  await next();
  return {
    async ask(question) {
      const line = `${JSON.stringify(question)}\n`;
      await writer.write(new TextEncoder().encode(line));
      return JSON.parse(await next());
    },
    async [Symbol.asyncDispose]() {
      await writer.close();
      await child.status;
      await lines.return(undefined);
    },
  };
}

async function* lineReader(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string, void> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split("\n");
    text = lines.pop()!;
    yield* lines;
  }
}
