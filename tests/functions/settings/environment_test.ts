/** What operators read who set something that cannot be: which variable, and what it should be. */
import assert from "node:assert/strict";
import {
  originsFrom,
  sealingKeyFrom,
} from "../../../functions/settings/options.ts";
import {
  modelsFrom,
  type ObjectPlaces,
} from "../../../functions/settings/models.ts";
import { FolderObjectStore } from "../../../functions/stores/folder.ts";
import { Settings } from "../../../functions/settings/settings.ts";
import { serve } from "../../support/served.ts";

Deno.test("refuses to start with an access file that is missing or malformed", async () => {
  await assert.rejects(
    serve({ CIPHERLAYER_ACCESS: "/none/access.jsonl" }),
    /Cannot read CIPHERLAYER_ACCESS: expected lines of JSON or a file of them \(.*\/none\/access\.jsonl/,
  );
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "\nthe-token-itself\n");
  await assert.rejects(serve({ CIPHERLAYER_ACCESS: path }), (error: Error) => {
    assert.match(
      error.message,
      /Cannot read access, line 2: expected a JSON object/,
    );
    return !error.message.includes("the-token-itself");
  });
  await Deno.remove(path);
});

Deno.test("an unknown setting stops the functions and names the nearest known one", async () => {
  await assert.rejects(
    serve({ CIPHERLAYER_BUGDET_PER_DAY: "1000" }),
    /Cannot start: setting CIPHERLAYER_BUGDET_PER_DAY is not known; the nearest is CIPHERLAYER_BUDGET_PER_DAY/,
  );
  const nearest = {
    CIPHERLAYER_SEALINGKEY: "CIPHERLAYER_SEALING_KEY",
    CIPHERLAYER_WAITING_CALL: "CIPHERLAYER_WAITING_CALLS",
    CIPHERLAYER_INSECURE_KEY: "CIPHERLAYER_INSECURE_KEYS",
  };
  for (const [name, known] of Object.entries(nearest)) {
    for (const host of ["deno", "node", "workerd"] as const) {
      assert.throws(
        () => new Settings({ [name]: "1" }, host),
        new RangeError(
          `Cannot start: setting ${name} is not known; the nearest is ${known}`,
        ),
      );
    }
  }
});

Deno.test("variables of other programs are no settings of the functions", () => {
  const others = {
    PATH: "/bin",
    CIPHERLAYER_TOKEN: "t",
    CIPHERLAYER_DATA: "d",
  };
  assert.equal(
    new Settings(others, "workerd").text("CIPHERLAYER_ACCESS"),
    undefined,
  );
});

Deno.test("refuses to start with a database that cannot be opened", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "no database at all".repeat(100));
  await assert.rejects(
    serve({
      CIPHERLAYER_STATE: `kv:${path}`,
      CIPHERLAYER_SEALING_KEY: "07".repeat(32),
    }),
    /Cannot use CIPHERLAYER_STATE: .+ is damaged: /,
  );
  await Deno.remove(path);
});

Deno.test("refuses to start with a database that is damaged inside", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/kv.sqlite3`;
  {
    using kv = await Deno.openKv(path);
    for (let i = 0; i < 200; i++) await kv.set(["filler", i], "x".repeat(500));
  }
  {
    using file = await Deno.open(path, { write: true });
    await file.seek(3 * 4096, Deno.SeekMode.Start);
    await file.write(new Uint8Array(8 * 4096).fill(7));
  }
  await assert.rejects(
    serve({
      CIPHERLAYER_STATE: `kv:${path}`,
      CIPHERLAYER_SEALING_KEY: "07".repeat(32),
    }),
    /Cannot use CIPHERLAYER_STATE: .+ is damaged: /,
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("refuses to start with a folder without models", async () => {
  const path = await Deno.makeTempDir();
  await assert.rejects(
    serve({ CIPHERLAYER_MODELS: path, CIPHERLAYER_STATE: "kv::memory:" }),
    /Cannot use CIPHERLAYER_MODELS: expected a folder of model packages/,
  );
  await Deno.remove(path);
});

Deno.test("permits no origin by default, and each as browsers write it", () => {
  assert.deepEqual(originsFrom(undefined), []);
  assert.deepEqual(originsFrom("https://a.example, http://localhost:8080"), [
    "https://a.example",
    "http://localhost:8080",
  ]);
  for (const text of ["a.example", "https://a.example/", "null"]) {
    assert.throws(() => originsFrom(text), RangeError);
  }
});

Deno.test("reads sealing keys as hexadecimal or base64url, and repeats no wrong one", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
  assert.deepEqual(sealingKeyFrom(key.toHex()), key);
  assert.deepEqual(
    sealingKeyFrom(key.toBase64({ alphabet: "base64url", omitPadding: true })),
    key,
  );
  const refusals = {
    "abcd": "2 bytes",
    [key.slice(1).toHex()]: "31 bytes",
    "not a key!": "10 other characters",
    [`${key.toHex()}g!`]: "66 other characters",
  };
  for (const [text, got] of Object.entries(refusals)) {
    assert.throws(
      () => sealingKeyFrom(text),
      new RangeError(
        `Cannot read sealing key: expected at least 32 bytes, hexadecimal or base64url, got ${got}`,
      ),
    );
  }
});

Deno.test("a store on a drive of Windows is a folder, other schemes are refused, and folders where files cannot be locked", () => {
  const opened: string[] = [];
  const openFolder = (path: string) => {
    opened.push(path);
    return new FolderObjectStore(path);
  };
  const storeIn = (where: string, places: ObjectPlaces = { openFolder }) =>
    modelsFrom(
      new Settings({
        CIPHERLAYER_STORE: where,
        CIPHERLAYER_OWNER_KEYS: "A".repeat(43),
      }, "deno"),
      places,
    );
  storeIn("C:\\cipherlayer\\store");
  storeIn("/store/");
  assert.deepEqual(opened, ["C:\\cipherlayer\\store", "/store"]);
  assert.throws(
    () => storeIn("gs://bucket"),
    /expected state, s3:\/\/bucket\/prefix or a folder/,
  );
  assert.throws(() => storeIn("/store", {}), /needs Deno, which locks files/);
  assert.throws(() => storeIn("state", {}), /expected a database in CIPH/);
});

Deno.test("labels of a sealed model are limited by a number, or unlimited where that is written", () => {
  const limit = (text: string) =>
    new Settings({ CIPHERLAYER_BUDGET_PER_MODEL_DAY: text }, "deno")
      .limit("CIPHERLAYER_BUDGET_PER_MODEL_DAY");
  assert.deepEqual(
    [limit(""), limit("0"), limit("200"), limit("unlimited")],
    [undefined, 0, 200, Infinity],
  );
  for (const text of ["none", "Infinity", "-1"]) {
    assert.throws(() => limit(text), RangeError);
  }
});
