/** Readings from files of every kind, and what wrong files are told to be. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { encode } from "fast-png";
import { zipSync } from "fflate";
import { encodeNpy } from "../../cli/readings/npy.ts";
import {
  loadClasses,
  loadNames,
  loadReadings,
  type ReadInput,
} from "../../cli/readings/readings.ts";
import { FileError } from "../../models/package/read_file.ts";

const room = [{ shape: [2], labels: ["temperature", "co2"] }];
const array = encodeNpy({ shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) });

/** A folder with these files until the work is done. */
async function withFiles(
  files: Record<string, string | Uint8Array>,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string"
        ? new TextEncoder().encode(content)
        : content;
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const rows = async (path: string, inputs: ReadInput[] = room) =>
  (await loadReadings(path, inputs)).map((row) => [...row]);

Deno.test("reads the same numbers from every kind of file", async () => {
  const wanted = [[1, 2], [3, 4]];
  await withFiles({
    "x.npy": array,
    "one.npz": zipSync({ "x.npy": array }),
    "two.npz": zipSync({ "x.npy": array, "y.npy": new Uint8Array(9) }),
    "plain.csv": "1,2\n3,4\n",
    "windows.csv": "\ufeffco2,room,temperature\r\n2,9,1\r\n4,9,3\r\n",
    "lists.json": "[[1, 2], [3, 4]]",
    "records.json":
      '\ufeff[{"temperature":1,"co2":2},{"co2":4,"temperature":3}]',
  }, async (folder) => {
    for (
      const name of [
        ...["x.npy", "one.npz", "two.npz:x", "plain.csv", "windows.csv"],
        ...["lists.json", "records.json"],
      ]
    ) {
      deepEqual(await rows(`${folder}/${name}`), wanted, name);
    }
    const both = [{ name: "x", shape: [2] }, { name: "z", shape: [1] }];
    const z = encodeNpy({ shape: [2, 1], data: Float64Array.of(8, 9) });
    await Deno.writeFile(
      `${folder}/both.npz`,
      zipSync({ "z.npy": z, "x.npy": array }),
    );
    deepEqual(await rows(`${folder}/both.npz`, both), [[1, 2, 8], [3, 4, 9]]);
    await rejects(
      rows(`${folder}/two.npz`, both),
      /it has no array "z".*; it holds x, y/,
    );
    await Deno.writeTextFile(`${folder}/one.json`, '{"co2":2,"temperature":1}');
    deepEqual(await rows(`${folder}/one.json`), [[1, 2]]);
  });
});

Deno.test("a path with a drive before its colon is a path", async () => {
  await rejects(
    loadReadings("C:\\data\\x.npz:x", room),
    /^FileError: Cannot read C:\\data\\x\.npz: no such file$/,
  );
});

Deno.test("pictures are channels first, in the colours that the model takes", async () => {
  const png = encode({
    width: 2,
    height: 1,
    channels: 3,
    data: Uint8Array.of(255, 0, 0, 255, 255, 255),
  });
  await withFiles({ "x.png": png }, async (folder) => {
    const colours = [{ shape: [3, 1, 2], labels: null }];
    deepEqual(await loadReadings(`${folder}/x.png`, colours), [
      Float64Array.of(1, 1, 0, 1, 0, 1),
    ]);
    const grey = [{ shape: [1, 1, 2], labels: null }];
    const [picture] = await loadReadings(`${folder}/x.png`, grey);
    deepEqual([...picture].map((value) => value.toFixed(2)), ["0.30", "1.00"]);
    await rejects(
      loadReadings(`${folder}/x.png`, [{ shape: [1, 28, 28] }]),
      /expected samples of shape \[1,28,28\] .* got an array of shape \[1,1,2\]/,
    );
  });
});

Deno.test("names what a wrong file is", async () => {
  const onnx = await Deno.readFile(
    new URL("../../models/zoo/occupancy/occupancy.onnx", import.meta.url),
  );
  const wrong: [string, string | Uint8Array, RegExp][] = [
    ["x.npy", onnx, /x\.npy: expected numbers .* but it is an ONNX file$/],
    ["x.csv", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), /it is a JPEG picture$/],
    ["x.json", "", /it is empty$/],
    ["x.bin", Uint8Array.of(1, 2, 3), /of no kind that is known here$/],
    ["x.pkl", Uint8Array.of(0x80, 4, 0x95, 0), /a pickle of Python$/],
    [
      "x.npz",
      zipSync({ "a.npy": array, "b.npy": array }),
      /name an array with file\.npz:NAME; it holds a, b \(/,
    ],
    ["y.npz", Uint8Array.of(0x50, 0x4b, 3, 4, 0), /the zip file is damaged/],
    ["a.csv", "1,2\n3\n", /expected 2 cells in line 2, got 1/],
    ["b.csv", "t,c\n1,2\n3,x\n", /a number in line 3, column "c", got "x"/],
    ["c.csv", "temperature,light\n1,2\n", /expected columns temperature, co2,/],
    [
      "a.json",
      "[[1, null]]",
      /expected a number at index 0 at index 1, got null/,
    ],
    ["b.json", "[[1, 2], [3]]", /expected 2 values at index 1, got 1/],
    [
      "c.json",
      '[{"temperature":1},{}]',
      /in record 1, "temperature", got null/,
    ],
    ["d.json", "[1, 2", /^RangeError: Cannot read JSON/],
    [
      "e.npy",
      encodeNpy({ shape: [0, 2], data: new Float64Array() }),
      /a reading, got none/,
    ],
  ];
  await withFiles(
    Object.fromEntries(wrong.map(([name, content]) => [name, content])),
    async (folder) => {
      for (const [name, , message] of wrong) {
        await rejects(loadReadings(`${folder}/${name}`, room), message, name);
      }
      await rejects(
        loadReadings(`${folder}/x.npz:c`, room),
        /it has no array "c"; did you mean "a"\?; it holds a, b/,
      );
      await rejects(loadReadings(folder, room), {
        name: "FileError",
        message: `Cannot read ${folder}: is a folder`,
      });
      await rejects(loadReadings(`${folder}/none`, room), FileError);
    },
  );
});

Deno.test("reads classes and names from text without its byte-order mark", async () => {
  await withFiles({
    "y.csv": "class\n1\n0\n",
    "labels.txt": "\ufeffoff\r\non\r\n",
    "labels.json": '\ufeff["off", "on"]',
  }, async (folder) => {
    deepEqual(await loadClasses(`${folder}/y.csv`), [1, 0]);
    deepEqual(await loadNames(`${folder}/labels.txt`), ["off", "on"]);
    deepEqual(await loadNames(`${folder}/labels.json`), ["off", "on"]);
    equal((await loadNames("off,on") as string[])[1], "on");
  });
});
