import { equal, ok, throws } from "node:assert/strict";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { machineMemoryBytes } from "../../../sdk/support/machine_memory.ts";
import { testKey } from "../../vectors/keys.ts";

const gib = 2 ** 30;
const os = (totalBytes: number) => () => ({ totalmem: () => totalBytes });
const denoWith = (state: string) => ({
  permissions: { querySync: () => ({ state }) },
});

for (
  const [name, runtime, expected] of [
    [
      "a browser tells gigabytes",
      { navigator: { deviceMemory: 0.25 } },
      gib / 4,
    ],
    ["Node: the machine's", { process: { getBuiltinModule: os(gib) } }, gib],
    [
      "Node: the container's, where it is less",
      {
        process: {
          constrainedMemory: () => gib / 8,
          getBuiltinModule: os(gib),
        },
      },
      gib / 8,
    ],
    [
      "no limit is told as 0, or as more than there is",
      { process: { constrainedMemory: () => 0, getBuiltinModule: os(gib) } },
      gib,
    ],
    ["Node before 20.16", { process: {} }, null],
    ["another runtime", {}, null],
    [
      "Deno is not asked without permission",
      {
        Deno: denoWith("prompt"),
        process: {
          constrainedMemory: (): number => {
            throw new Error("asked");
          },
        },
      },
      null,
    ],
    [
      "Deno with permission",
      { Deno: denoWith("granted"), process: { getBuiltinModule: os(gib) } },
      gib,
    ],
  ] as const
) {
  Deno.test(`memory of the machine: ${name}`, () => {
    equal(machineMemoryBytes(runtime), expected);
  });
}

Deno.test("an engine of small memory has no threads, a small pool, and decrypts what another encrypted", async () => {
  const key = testKey(512);
  using small = new PaillierEngine(key, { memory: "small" });
  using large = new PaillierEngine(key, { threads: 0 });
  await small.fillPool(Infinity);
  equal(small.threads, 0);
  ok(small.pooled > 0 && small.pooled * key.publicKey.modulusBytes <= 2 ** 18);
  const ciphertexts = await small.encryptBatch([0n, 7n]);
  equal((await large.decryptBatch(ciphertexts)).join(), "0,7");
  throws(
    () => new PaillierEngine(key, { memory: "tiny" as never }),
    /expected memory to be "auto" or "small", got "tiny"/,
  );
});
