/**
 * Where the passphrase of a key comes from: a file, the environment or a prompt.
 *
 * @module
 */
import process from "node:process";
import { readText } from "../../models/package/read_file.ts";
import { findLooseModes } from "../../sdk/keys/file_modes.ts";
import { UsageError } from "./command.ts";

/** Environment variable with the passphrase. */
export const passphraseVariable = "CIPHERLAYER_PASSPHRASE";

/**
 * The passphrase: of `file` (its first line) if that is given, else of the
 * environment, else typed at the terminal, unseen; a new one is typed twice.
 *
 * @throws {UsageError} if there is none
 */
export async function askPassphrase(
  options: { file?: string; isNew: boolean },
): Promise<string> {
  if (options.file !== undefined) {
    for (const fault of await findLooseModes(options.file)) {
      console.error(`Warning: ${fault}`);
    }
  }
  const given = options.file === undefined
    ? process.env[passphraseVariable]
    : (await readText(options.file)).split(/\r?\n/, 1)[0];
  if (given) return given;
  if (options.file !== undefined || !process.stdin.isTTY) {
    throw new UsageError(
      `Cannot open key: expected a passphrase in ${
        options.file ?? `${passphraseVariable}, in --passphrase-file or typed`
      }`,
    );
  }
  const keys = typedKeys();
  const typed = await typeUnseen("Passphrase: ", keys);
  if (options.isNew && typed !== await typeUnseen("Once more: ", keys)) {
    throw new UsageError("Cannot use passphrase: the two differ");
  }
  if (typed === "") throw new UsageError("Cannot use an empty passphrase");
  return typed;
}

const interrupt = "\x03", endOfInput = "\x04", erase = /[\b\x7f]/;

/** A line from the terminal that is not shown. */
async function typeUnseen(
  question: string,
  keys: AsyncGenerator<string, never>,
): Promise<string> {
  let line = "";
  process.stderr.write(question);
  process.stdin.setRawMode(true);
  try {
    for (;;) {
      const { value: key } = await keys.next();
      if (key === "\r" || key === "\n") return line;
      if (key === interrupt || key === endOfInput) {
        throw new UsageError("Cannot use passphrase: typing was given up");
      }
      line = erase.test(key) ? line.slice(0, -1) : line + key;
    }
  } finally {
    process.stdin.setRawMode(false);
    process.stderr.write("\n");
  }
}

/** What is typed, character by character. */
async function* typedKeys(): AsyncGenerator<string, never> {
  const decoder = new TextDecoder();
  for await (const chunk of process.stdin) {
    yield* decoder.decode(chunk, { stream: true });
  }
  for (;;) yield endOfInput;
}
