/** What a folder of blobs asks of the disk, and in which order: a crash loses nothing. */
import { deepEqual } from "node:assert/strict";
import fs, { type FileHandle } from "node:fs/promises";
import { FileBlobStore } from "../../../sdk/blobs/blob_store_file.ts";

/** Calls that matter after a loss of power, in their order; files by the end of their names. */
async function callsOf(
  folder: string,
  work: () => Promise<unknown>,
): Promise<string[]> {
  const calls: string[] = [];
  const { open, rename, link, rm } = fs;
  const short = (path: unknown) =>
    `${path}`.replace(folder, "folder").replace(/\.[0-9a-f]{12}\.tmp$/, ".tmp");
  const traced = {
    open: async (...args: Parameters<typeof open>) => {
      const file = await open(...args);
      const { writeFile, sync } = file;
      return Object.assign(file, {
        writeFile: (data: Uint8Array) => {
          calls.push(`write ${short(args[0])}`);
          return writeFile.call(file, data);
        },
        sync: () => {
          calls.push(`flush ${short(args[0])}`);
          return sync.call(file);
        },
      }) as FileHandle;
    },
    rename: (from: string, to: string) => {
      calls.push(`rename ${short(from)} ${short(to)}`);
      return rename(from, to);
    },
    link: (from: string, to: string) => {
      calls.push(`link ${short(from)} ${short(to)}`);
      return link(from, to);
    },
    rm: (path: string, options: { force: true }) => {
      calls.push(`remove ${short(path)}`);
      return rm(path, options);
    },
  };
  Object.assign(fs, traced);
  try {
    await work();
  } finally {
    Object.assign(fs, { open, rename, link, rm });
  }
  return calls;
}

Deno.test({
  name:
    "a blob is on the disk before its name is, and the name before the call returns",
  // Windows cannot flush folders, and needs not.
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const store = new FileBlobStore(folder);
      const bytes = Uint8Array.of(1);
      deepEqual(await callsOf(folder, () => store.create("a", bytes)), [
        "write folder/a.tmp",
        "flush folder/a.tmp",
        "link folder/a.tmp folder/a",
        "remove folder/a.tmp",
        "flush folder",
      ]);
      deepEqual(await callsOf(folder, () => store.write("a", bytes)), [
        "write folder/a.tmp",
        "flush folder/a.tmp",
        "rename folder/a.tmp folder/a",
        "flush folder",
      ]);
      deepEqual(await callsOf(folder, () => store.remove("a")), [
        "remove folder/a",
        "flush folder",
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
