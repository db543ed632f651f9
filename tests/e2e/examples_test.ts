import { equal, match } from "node:assert/strict";
import { existsSync } from "node:fs";
import { readPackage } from "../../models/package.ts";
import { startCloud } from "./cloud.ts";

const lenetFolder = "models/zoo/lenet-mnist/package";

Deno.test({
  name: "example 01: connect, infer, done",
  ignore: !existsSync(`${lenetFolder}/manifest.json`),
  fn: async () => {
    await using cloud = startCloud([await readPackage(lenetFolder)]);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "examples/01_quickstart.ts", cloud.url],
      env: { NO_COLOR: "1" },
    }).output();
    equal(code, 0, new TextDecoder().decode(stderr));
    const text = new TextDecoder().decode(stdout);
    match(text, /round 4\/4: \d+ ms/);
    match(text, /Drew a 3; the cloud, blind, says 3\./);
  },
});
