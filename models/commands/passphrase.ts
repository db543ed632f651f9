/** Where the passphrase of a key comes from: a file, the environment or a prompt. */
import { MisuseError } from "./command.ts";

/** Environment variable with the passphrase. */
export const passphraseVariable = "CIPHERLAYER_PASSPHRASE";

/**
 * The passphrase: of `file` (its first line) if that is given, else of the
 * environment, else typed at the terminal, unseen; a new one is typed twice.
 *
 * @throws {MisuseError} if there is none
 */
export async function askPassphrase(
  options: { file?: string; isNew: boolean },
): Promise<string> {
  const given = options.file === undefined
    ? Deno.env.get(passphraseVariable)
    : (await Deno.readTextFile(options.file)).split(/\r?\n/, 1)[0];
  if (given) return given;
  if (given === "" || !Deno.stdin.isTerminal()) {
    throw new MisuseError(
      `Cannot open key: expected a passphrase in ${
        options.file ?? `${passphraseVariable}, in --passphrase-file or typed`
      }`,
    );
  }
  const typed = await typeUnseen("Passphrase: ");
  if (options.isNew && typed !== await typeUnseen("Once more: ")) {
    throw new MisuseError("Cannot use passphrase: the two differ");
  }
  if (typed === "") throw new MisuseError("Cannot use an empty passphrase");
  return typed;
}

const interrupt = "\x03", endOfInput = "\x04", erase = /[\b\x7f]/;

/** A line from the terminal that is not shown. */
async function typeUnseen(question: string): Promise<string> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(256);
  let line = "";
  Deno.stderr.writeSync(new TextEncoder().encode(question));
  Deno.stdin.setRaw(true);
  try {
    for (;;) {
      const count = await Deno.stdin.read(chunk);
      const text = count === null
        ? endOfInput
        : decoder.decode(chunk.subarray(0, count), { stream: true });
      for (const character of text) {
        if (character === "\r" || character === "\n") return line;
        if (character === interrupt || character === endOfInput) {
          throw new MisuseError("Cannot use passphrase: typing was given up");
        }
        line = erase.test(character) ? line.slice(0, -1) : line + character;
      }
    }
  } finally {
    Deno.stdin.setRaw(false);
    Deno.stderr.writeSync(new TextEncoder().encode("\n"));
  }
}
