import { deepEqual, equal, rejects } from "node:assert/strict";
import { decodeCifar } from "../../cli/readings/cifar.ts";
import {
  classesPath,
  loadClasses,
  loadReadings,
} from "../../cli/readings/readings.ts";

/** Two records: a label, then planes of red, green and blue. */
function twoRecords(): Uint8Array {
  const records = new Uint8Array(2 * 3073);
  records.set([7, 255, 51], 0);
  records.set([3], 3073);
  records[2 * 3073 - 1] = 102;
  return records;
}

async function compress(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

Deno.test("reads pictures and classes of CIFAR-10's files, plain and compressed", async () => {
  const plain = await decodeCifar(twoRecords());
  deepEqual(plain.shape, [2, 3, 32, 32]);
  deepEqual([...plain.classes], [7, 3]);
  deepEqual([...plain.data.subarray(0, 3)], [255, 51, 0]);
  deepEqual([...plain.data.subarray(-2)], [0, 102]);
  deepEqual(await decodeCifar(await compress(twoRecords())), plain);
});

Deno.test("reads samples in [0, 1] with their classes from one file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/pictures.bin.gz`;
    await Deno.writeFile(path, await compress(twoRecords()));
    const [first, second] = await loadReadings(path, [{ shape: [3, 32, 32] }]);
    deepEqual([...first.subarray(0, 3)], [1, 51 / 255, 0]);
    equal(second.at(-1), 102 / 255);
    deepEqual(await loadClasses(path), [7, 3]);
    deepEqual(await loadClasses(path, 1), [7]);
    equal(classesPath(path, undefined), path);
    equal(classesPath(path, "labels.npy"), "labels.npy");
    equal(classesPath("readings.npy", undefined), null);
    await rejects(
      loadReadings(path, [{ shape: [1, 28, 28] }]),
      /expected samples of shape \[1,28,28\]/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("refuses other files and truncated ones", async () => {
  await rejects(
    decodeCifar(twoRecords().subarray(1)),
    /expected records of 3073 bytes, got 6145 bytes/,
  );
  await rejects(decodeCifar(new Uint8Array()), /got 0 bytes/);
  const wrong = twoRecords();
  wrong[3073] = 10;
  await rejects(
    decodeCifar(wrong),
    /expected labels below 10, got 10 in record 1/,
  );
});
