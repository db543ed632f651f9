/** The unit for systemd, as systemd itself judges it. */
import { fileURLToPath } from "node:url";
import { canRun, runCommand } from "../../runtimes/processes.ts";

const unit = fileURLToPath(
  new URL("../../../docs/hosting/cipherlayer@.service", import.meta.url),
);

Deno.test({
  name: "systemd takes the unit, and finds little that it is allowed",
  ignore: !await canRun("systemd-analyze"),
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const text = await Deno.readTextFile(unit);
    const path = `${folder}/cipherlayer@.service`;
    // A program that is there in place of the one that is installed.
    const installed = /^ExecStart=(\S+)/m.exec(text)![1];
    await Deno.writeTextFile(path, text.replace(installed, "/bin/sh"));
    await runCommand("systemd-analyze", ["verify", path], folder);
    // Of 100; without the unit's limits it would be 96.
    await runCommand(
      "systemd-analyze",
      ["security", "--offline=true", "--threshold=15", path],
      folder,
    );
    await Deno.remove(folder, { recursive: true });
  },
});
