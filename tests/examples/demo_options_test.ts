import { deepEqual, equal, match, ok } from "node:assert/strict";
import { UsageError } from "../../cli/commands/command.ts";
import { parseOptions } from "../../examples/demo/options.ts";

Deno.test("without options takes one of our own pictures and a 2048-bit key", () => {
  deepEqual(parseOptions([]), {
    source: { kind: "own", index: 7 },
    keyBits: 2048,
    insecure: false,
    privacy: null,
    samples: null,
    url: null,
    token: null,
    json: false,
  });
});

Deno.test("reads every option", () => {
  const options = parseOptions(
    "--mnist data --index 12 --insecure-key-bits 512 --samples 3 --url http://cloud:8000/x --token t0ken --json"
      .split(" "),
  );
  deepEqual(options, {
    source: { kind: "mnist", folder: "data", index: 12 },
    keyBits: 512,
    insecure: true,
    privacy: null,
    samples: 3,
    url: new URL("http://cloud:8000/x"),
    token: "t0ken",
    json: true,
  });
  deepEqual(parseOptions(["--image", "a.png"]).source, {
    kind: "image",
    file: "a.png",
  });
  equal(parseOptions(["--key-bits", "3072"]).insecure, false);
  equal(parseOptions(["--privacy", "sealed"]).privacy, "sealed");
});

function usageError(line: string): UsageError {
  try {
    parseOptions(line.split(" "));
  } catch (error) {
    if (error instanceof UsageError) return error;
  }
  throw new Error(`expected "${line}" to be refused`);
}

for (
  const [line, message] of [
    ["--nonsense", /unknown option '--nonsense'/],
    ["surplus", /too many arguments/],
    ["--key-bits 512", /Expected 2048, 3072 or 4096.*--insecure-key-bits/],
    ["--key-bits 2048.5", /Expected a whole number/],
    ["--insecure-key-bits 500", /multiple of 64 from 512/],
    ["--insecure-key-bits 2048", /multiple of 64 from 512/],
    ["--key-bits 2048 --insecure-key-bits 512", /exclude each other/],
    ["--mnist a --image b", /exclude each other/],
    ["--image b --index 2", /exclude each other/],
    ["--samples 0", /Expected a whole number of 1/],
    ["--index -1", /Expected a whole number/],
    ["--url ftp://host", /Expected a URL: http, https/],
    ["--mnist", /argument missing/],
  ] as const
) {
  Deno.test(`wrong options are refused with exit code 2: ${line}`, () => {
    const error = usageError(line);
    equal(error.exitCode, 2);
    match(error.message, message);
  });
}

Deno.test("--help shows options, examples and exit codes", () => {
  const help = usageError("--help");
  equal(help.exitCode, 0);
  for (const part of ["--mnist <dir>", "Examples:", "Exit codes:", "--json"]) {
    ok(help.message.includes(part), part);
  }
});
