import { equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./prepared_bytes.ts", import.meta.url));

Deno.test("models made ready take no more than the cache counts for them", async () => {
  const jobs = [
    // More plans than are kept of open models.
    "models/zoo/appliance/package:9",
    "models/zoo/lenet-mnist/package:2",
    "models/zoo/resnet20-cifar10/package:1",
    // More plans than are kept of sealed ones.
    "models/zoo/appliance-sealed:3",
  ];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--expose-gc", script, ...jobs],
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  equal(lines.length, jobs.length);
  for (const line of lines) {
    const { bytes, counted } = JSON.parse(line);
    ok(bytes <= counted, line);
    // Nor is it counted as if it took all there is.
    ok(counted < 40 * bytes, line);
  }
});
