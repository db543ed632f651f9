import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { FileKeyStore } from "../../../sdk/keys/key_store_file.ts";
import { testKey } from "../../vectors/keys.ts";

const passphrase = "a passphrase, tested";
const cost = 1 << 10;
const old = testKey(512);
const program = fileURLToPath(
  new URL("./key_rotation_process.ts", import.meta.url),
);

/** Rotates in a process that dies at `step`; true if it came to its end. */
async function rotateAndDie(path: string, step: number): Promise<boolean> {
  const { success, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, path, passphrase, `${step}`],
    stderr: "piped",
  }).output();
  assert.ok(
    success || signal === "SIGKILL",
    new TextDecoder().decode(stderr),
  );
  return success;
}

Deno.test({
  name: "a process killed at any step of a rotation loses no key",
  ignore: Deno.build.os === "windows",
  async fn() {
    let rotatedBeforeDying = 0;
    for (let step = 0, ended = false; !ended; step++) {
      const folder = await Deno.makeTempDir();
      try {
        const path = `${folder}/gateway.key`;
        const store = new FileKeyStore(path, passphrase, { cost });
        await store.save(old);
        ended = await rotateAndDie(path, step);

        const current = await store.load();
        const { fingerprint } = old.publicKey;
        assert.deepEqual(
          (await store.load(fingerprint))?.exportPrimes(),
          old.exportPrimes(),
          `step ${step}: the old key`,
        );
        const rotated = current?.publicKey.fingerprint !== fingerprint;
        assert.deepEqual(
          await store.listRetired(),
          rotated ? [fingerprint] : [],
        );
        if (ended) assert.ok(rotated);
        else if (rotated) rotatedBeforeDying++;

        // The next rotation finds nothing in its way.
        await store.save(testKey(1024));
        assert.equal(
          await store.fingerprint(),
          testKey(1024).publicKey.fingerprint,
        );
        assert.ok(step < 100, "the rotation never ends");
        if (ended) assert.ok(step > 12, `only ${step} steps were tried`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }
    // After the rename the new key counts: dying there was tried too.
    assert.ok(rotatedBeforeDying > 0);
  },
});
