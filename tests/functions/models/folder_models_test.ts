/** Packages in folders, as the functions find them. */
import assert from "node:assert/strict";
import { FolderModelStore } from "../../../functions/models/folder_models.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { zooFolder } from "../../../models/package/zoo.ts";
import { smallModel } from "./owner.ts";

Deno.test("a folder of packages and a package alone give the model under its name", async () => {
  for (const folder of ["", "/occupancy/package"]) {
    const store = new FolderModelStore(zooFolder + folder);
    assert.equal(await store.hasModels(), true);
    const { manifest } = await store.load("occupancy");
    assert.equal(manifest.name, "occupancy");
    const names = (await store.list()).map(({ name }) => name);
    assert.equal(names.includes("occupancy"), true);
    assert.equal(names.length, folder === "" ? 10 : 1);
    await assert.rejects(store.load("package"), { code: "model-not-found" });
  }
});

Deno.test("a manifest of something else beside packages hides none of them", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/manifest.json`, '{"name":"a web page"}');
  await Deno.symlink(`${zooFolder}/occupancy`, `${folder}/occupancy`);
  const store = new FolderModelStore(folder);
  assert.deepEqual(
    (await store.list()).map(({ name }) => name),
    ["occupancy"],
  );
  await assert.rejects(store.load("a web page"), { code: "model-not-found" });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a version beside the model is for sessions that began with it, and is not offered", async () => {
  const folder = await Deno.makeTempDir();
  const place = (version: string, path: string) =>
    writePackage(`${folder}/${path}`, smallModel(version));
  await place("2", "small");
  await place("1", "small@1");
  await place("9", "small@8");
  const store = new FolderModelStore(folder);
  const versionOf = async (version?: string) =>
    (await store.load("small", version)).manifest.version;
  assert.deepEqual([await versionOf(), await versionOf("1")], ["2", "1"]);
  for (const version of ["8", "9", "../small@1", "1/../../small@1"]) {
    await assert.rejects(store.load("small", version), {
      code: "model-changed",
    });
  }
  assert.deepEqual(
    (await store.list()).map(({ name, version }) => [name, version]),
    [["small", "2"]],
  );
  await Deno.remove(folder, { recursive: true });
});
