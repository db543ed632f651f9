/** The SDK as a registry takes it. */
import { deepEqual, doesNotMatch, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runCommand } from "../runtimes/processes.ts";

const sdkFolder = fileURLToPath(new URL("../../sdk/", import.meta.url));
const runtimeFiles =
  /\b(blob_store_file|file_modes|folder_lock|key_store_file|worker_node)\.ts$/;

Deno.test("the SDK can be published: no slow types, nothing left out", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty"],
    cwd: sdkFolder,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  ok(success, text);
  match(text, /Dry run complete/);
  doesNotMatch(text, /warning|slow-type|excluded/i);
});

Deno.test("only files that name their runtime import node:, and only npm packages are listed", async () => {
  interface Info {
    modules: {
      specifier: string;
      dependencies?: { specifier: string; type?: unknown }[];
    }[];
  }
  const outside = new Set<string>();
  for (
    const entry of Object.values<string>(
      JSON.parse(await Deno.readTextFile(`${sdkFolder}/deno.json`)).exports,
    )
  ) {
    const info: Info = JSON.parse(
      await runCommand(Deno.execPath(), ["info", "--json", entry], sdkFolder),
    );
    for (const { specifier, dependencies = [] } of info.modules) {
      if (!specifier.startsWith("file:")) continue;
      ok(specifier.includes("/sdk/"), `${specifier} is not of the package`);
      for (const { specifier: imported } of dependencies) {
        const isRuntime = imported.startsWith("node:");
        if (isRuntime && runtimeFiles.test(specifier)) continue;
        if (!imported.startsWith(".")) outside.add(imported.split("/")[0]);
      }
    }
  }
  deepEqual([...outside].sort(), ["@noble", "cborg"]);
});
