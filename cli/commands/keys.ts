/**
 * `cipherlayer keys`: the gateway's key, in a file under a passphrase.
 *
 * @module
 */
import { lstat } from "node:fs/promises";
import { Command } from "commander";
import { faultCode, readText } from "../../models/package/read_file.ts";
import { type KeyStore, rotateKey } from "../../sdk/keys/key_store.ts";
import { FileKeyStore } from "../../sdk/keys/key_store_file.ts";
import {
  exportPrivateJwk,
  exportPublicJwk,
  importPrivateJwk,
} from "../../sdk/paillier/private/jwk.ts";
import { generatePrivateKey } from "../../sdk/paillier/private/key_generation.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { print, UsageError, wholeNumber } from "./command.ts";
import { askPassphrase, passphraseVariable } from "./passphrase.ts";

interface Options {
  passphraseFile?: string;
  bits?: number;
  primes?: 2 | 3 | 4;
  insecure?: boolean;
  private?: boolean;
  replace?: boolean;
  json?: boolean;
}

const primesHelp =
  "prime factors of the key, 2 to 4 (default: by its bits); python-paillier reads 2";

/** `cipherlayer keys create|show|rotate|export|import`. */
export function keysCommand(): Command {
  const keys = new Command("keys")
    .summary("make, show, rotate, export and import a gateway's key")
    .description(
      "Keeps a Paillier private key in a file, sealed by a passphrase (scrypt, AES-256-GCM, mode 0600). Keys that were replaced lie beside it, in <file>.<fingerprint>, until you delete them.",
    )
    .addHelpText(
      "after",
      `
The passphrase comes from --passphrase-file, else from ${passphraseVariable},
else from the terminal.

Examples:
  cipherlayer keys create gateway.key
  cipherlayer keys show gateway.key --json
  cipherlayer keys rotate gateway.key --bits 3072
  cipherlayer keys create exchange.key --primes 2
  cipherlayer keys export exchange.key --private > python-paillier.jwk
  cipherlayer keys import gateway.key python-paillier.jwk`,
    );
  // Faults of subcommands reach the caller, as those of commands do.
  const add = (command: Command) => keys.addCommand(command.exitOverride());
  add(
    openingCommand("create", "make a new key")
      .option("--bits <n>", "bits of the key", wholeNumber(400), 2048)
      .option("--primes <n>", primesHelp, wholeNumber(2))
      .option("--insecure", "permit fewer than 2048 bits: for tests only")
      .action(create),
  );
  add(
    sub("show", "show fingerprints; needs no passphrase").action(show),
  );
  add(
    openingCommand(
      "rotate",
      "replace the key by a new one; the old one is retired",
    )
      .option("--bits <n>", "bits of the new key", wholeNumber(400))
      .option("--primes <n>", primesHelp, wholeNumber(2))
      .option("--insecure", "permit fewer than 2048 bits: for tests only")
      .action(rotate),
  );
  add(
    openingCommand("export", "print the public key, as python-paillier's JWK")
      .option("--private", "print the private key, in the clear")
      .action(exportKey),
  );
  add(
    openingCommand(
      "import",
      "take over a private key, in python-paillier's JWK",
    )
      .argument("<jwk>", "file with the private key")
      .option("--replace", "retire the key that is there")
      .action(importKey),
  );
  return keys;
}

function sub(name: string, summary: string): Command {
  return new Command(name)
    .summary(summary)
    .description(summary)
    .argument("<file>", "file of the key")
    .option("--json", "print one JSON object");
}

function openingCommand(name: string, summary: string): Command {
  return sub(name, summary)
    .option("--passphrase-file <file>", "file whose first line it is");
}

async function create(path: string, options: Options): Promise<void> {
  if (await exists(path)) throw taken(path, "use rotate to replace it");
  const store = await openStore(path, { ...options, isNew: true });
  const { bits, primes, insecure } = options;
  const key = await misuse(() =>
    generatePrivateKey(bits, { primes, insecure })
  );
  await store.save(key);
  tell(path, key, "created", options);
}

async function show(path: string, { json = false }: Options): Promise<void> {
  await present(path);
  // Fingerprints are in the clear, so that any passphrase does.
  const store: KeyStore = new FileKeyStore(path, "none is needed");
  const fingerprint = await store.fingerprint();
  const retired = await store.listRetired();
  print(
    json,
    { file: path, fingerprint, retired },
    () =>
      [
        `${path}: ${fingerprint}`,
        ...retired.map((name) => `retired: ${name}`),
      ].join("\n"),
  );
}

async function rotate(path: string, options: Options): Promise<void> {
  await present(path);
  const store = await openStore(path, { ...options, isNew: false });
  const { bits, primes, insecure } = options;
  const key = await misuse(() => rotateKey(store, { bits, primes, insecure }));
  tell(path, key, "created, the old one retired", options);
}

async function exportKey(path: string, options: Options): Promise<void> {
  await present(path);
  const store = await openStore(path, { ...options, isNew: false });
  const key = (await store.load())!;
  const jwk = options.private
    ? exportPrivateJwk(key)
    : exportPublicJwk(key.publicKey);
  print(options.json ?? false, jwk, () => JSON.stringify(jwk, null, 2));
}

async function importKey(
  path: string,
  jwkPath: string,
  options: Options,
): Promise<void> {
  const replaces = await exists(path);
  if (replaces && !options.replace) {
    throw taken(path, "use --replace to retire it");
  }
  const key = importPrivateJwk(parseJson(await readText(jwkPath)));
  const store = await openStore(path, { ...options, isNew: !replaces });
  // A wrong passphrase shows before anything is sealed by it.
  await store.load();
  await store.save(key);
  tell(path, key, "imported", options);
}

function tell(
  path: string,
  { publicKey }: PrivateKey,
  what: string,
  { json = false }: Options,
): void {
  const { fingerprint, modulusBits: bits } = publicKey;
  print(
    json,
    { file: path, fingerprint, bits },
    () => `${path}: key of ${bits} bits ${what}\n${fingerprint}`,
  );
}

async function openStore(
  path: string,
  { passphraseFile, isNew }: Options & { isNew: boolean },
): Promise<FileKeyStore> {
  const passphrase = await askPassphrase({ file: passphraseFile, isNew });
  return new FileKeyStore(path, passphrase);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (faultCode(error) === "ENOENT") return false;
    throw error;
  }
}

async function present(path: string): Promise<void> {
  if (await exists(path)) return;
  throw new UsageError(
    `Cannot open key: expected ${path} to be there; make it with "keys create"`,
  );
}

function taken(path: string, advice: string): UsageError {
  return new UsageError(`Cannot write key: ${path} is there; ${advice}`);
}

/** Lengths that do not do are the caller's mistake: exit code 2. */
async function misuse<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Errors of JSON quote the text, which is a secret here. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError("Cannot import key: expected JSON, got other text");
  }
}
