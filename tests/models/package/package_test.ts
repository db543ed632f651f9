import assert from "node:assert/strict";
import fc from "fast-check";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { accumulatorBound } from "../../../models/package/bounds.ts";
import {
  decodePackage,
  encodePackage,
} from "../../../models/package/package_bytes.ts";
import {
  readPackage,
  writePackage,
} from "../../../models/package/read_package.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
} from "../../../models/package/safetensors.ts";
import type { Manifest, ModelPackage } from "../../../models/package/format.ts";
import {
  tinyDense,
  tinyLeNet,
  tinyResidual,
  tinySignal,
} from "../../reference/tiny_models.ts";

const models = [tinyDense(), tinyLeNet(), tinyResidual(), tinySignal()];

function assertMalformed(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error: CipherlayerError) => {
    assert.ok(error instanceof CipherlayerError, String(error));
    assert.equal(error.code, "malformed");
    assert.match(error.message, message);
    return true;
  });
}

async function withFolder(
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("reads back the package that it wrote", async () => {
  await withFolder(async (folder) => {
    for (const model of models) {
      const path = `${folder}/${model.manifest.name}`;
      await writePackage(path, model);
      const { manifest, tensors } = await readPackage(path);
      assert.deepEqual(tensors, model.tensors);
      assert.deepEqual(
        { ...manifest, files: {} },
        { ...model.manifest, files: {} },
      );
      assert.match(manifest.files["weights.safetensors"], /^[0-9a-f]{64}$/);
    }
  });
});

Deno.test("the same model gives the same bytes", () => {
  const again = encodePackage(decodePackage(encodePackage(models[1])));
  assert.deepEqual(again, encodePackage(models[1]));
});

Deno.test("tensors take the fewest bytes that hold them", () => {
  const tensor = (...values: number[]) => ({
    shape: [values.length],
    data: Int32Array.from(values),
  });
  fc.assert(fc.property(
    fc.array(fc.tuple(
      fc.constantFrom(7, 15, 31),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })),
    )),
    (specs) => {
      const tensors = new Map(specs.map(([bits, units], i) => [
        `t${i} ä`,
        tensor(
          -(2 ** bits),
          ...units.map((u) => Math.floor((2 * u - 1) * 2 ** bits)),
        ),
      ]));
      const file = encodeSafetensors(tensors);
      const header = Number(new DataView(file.buffer).getBigUint64(0, true));
      const dataBytes = specs.reduce(
        (sum, [bits, units]) => sum + (bits + 1) / 8 * (units.length + 1),
        0,
      );
      assert.equal(header % 8, 0);
      assert.equal(file.length, 8 + header + dataBytes);
      assert.deepEqual(decodeSafetensors(file), tensors);
    },
  ));
});

Deno.test("reads a file written out by hand", () => {
  const header =
    '{"a":{"dtype":"I16","shape":[1,2],"data_offsets":[0,4]},"b":{"dtype":"I8","shape":[1],"data_offsets":[4,5]}}';
  const file = Uint8Array.of(
    ...[header.length, 0, 0, 0, 0, 0, 0, 0],
    ...new TextEncoder().encode(header),
    ...[1, 0, 254, 255, 3],
  );
  assert.deepEqual(
    decodeSafetensors(file),
    new Map([
      ["a", { shape: [1, 2], data: Int32Array.of(1, -2) }],
      ["b", { shape: [1], data: Int32Array.of(3) }],
    ]),
  );
});

Deno.test("refuses any altered byte", () => {
  const files = encodePackage(tinyDense());
  for (const [name, bytes] of files) {
    fc.assert(fc.property(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      (at, flip) => {
        const altered = bytes.slice();
        altered[at] ^= flip;
        let decoded: ModelPackage;
        try {
          decoded = decodePackage(new Map([...files, [name, altered]]));
        } catch (error) {
          assert.ok(error instanceof CipherlayerError, String(error));
          assert.equal(error.code, "malformed");
          return;
        }
        // The manifest has no checksum: what passes is consistent in itself.
        assert.equal(name, "manifest.json");
        verifyPackage(decoded);
      },
    ));
    for (const length of [0, 1, 7, 8, bytes.length - 2]) {
      assertMalformed(
        () =>
          decodePackage(new Map([...files, [name, bytes.slice(0, length)]])),
        /^Cannot read package: expected /,
      );
    }
  }
});

Deno.test("refuses truncated and inconsistent safetensors", () => {
  const file = encodeSafetensors(tinyDense().tensors);
  fc.assert(fc.property(fc.nat(file.length - 1), (length) => {
    assertMalformed(
      () => decodeSafetensors(file.slice(0, length)),
      /^Cannot read safetensors: expected /,
    );
  }));
  assertMalformed(
    () => decodeSafetensors(Uint8Array.of(...file, 0)),
    /expected \d+ bytes of tensors, got/,
  );
  const withHeader = (header: string) => {
    const bytes = new TextEncoder().encode(header);
    return Uint8Array.of(bytes.length, 0, 0, 0, 0, 0, 0, 0, ...bytes, 1, 2);
  };
  const entry = (dtype: string, shape: string, offsets: string) =>
    withHeader(
      `{"a":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}}`,
    );
  for (
    const [bytes, message] of [
      [entry("F32", "[1]", "[0,2]"), /of type I8, I16 or I32, got F32/],
      [entry("I8", "[3]", "[0,2]"), /expected 3 bytes of tensor "a", got 2/],
      [entry("I8", "[-2]", "[0,2]"), /an integer in/],
      [entry("I8", "[2]", "[1,3]"), /at bytes 0 to 2 at most, got 1 to 3/],
      [entry("I8", "[2]", "[0]"), /data_offsets/],
      [withHeader("[]"), /a header that maps names to tensors/],
      [withHeader("{"), /a header in JSON/],
    ] as const
  ) {
    assertMalformed(() => decodeSafetensors(bytes), message);
  }
});

Deno.test("names missing files and folders", async () => {
  await withFolder(async (folder) => {
    await assert.rejects(readPackage(`${folder}/none`), {
      code: "model-not-found",
      message: `Cannot read package: no manifest.json in ${folder}/none`,
    });
    await writePackage(folder, tinyDense());
    await Deno.remove(`${folder}/weights.safetensors`);
    await assert.rejects(readPackage(folder), {
      code: "malformed",
      message:
        `Cannot read package: no file "weights.safetensors" in ${folder}`,
    });
    const path = `${folder}/manifest.json`;
    const manifest = JSON.parse(await Deno.readTextFile(path));
    manifest.files = { "../secret": "0".repeat(64) };
    await Deno.writeTextFile(path, JSON.stringify(manifest));
    await assert.rejects(readPackage(folder), {
      message: 'Cannot read package: file name "../secret" is not allowed',
    });
  });
});

Deno.test("the bound is reached by the worst inputs and by none exceeded", () => {
  for (const model of models) {
    for (const round of model.manifest.rounds) {
      assert.equal(accumulatorBound(round, model.tensors), round.bound);
    }
  }
  const model = tinyDense();
  const [round] = model.manifest.rounds;
  round.terms[0].low = -2;
  round.terms[0].high = 5;
  model.tensors.get("round0.weights0")!.data.fill(0).set([3, -4, 1]);
  model.tensors.get("round0.bias")!.data.fill(0).set([-30, 7]);
  // Least -30 - 2*3 - 4*5 - 2*1, most -30 + 5*3 + 2*4 + 5*1.
  assert.equal(accumulatorBound(round, model.tensors), 58);
});

/** The same few weights, for pictures of any size. */
function resized({ inputs, rounds: [round] }: Manifest, side: number): void {
  const [term] = round.terms;
  inputs[0].shape = [1, side, side];
  if (term.kind === "convolution") term.inputShape = [1, side, side];
  round.outputShape = [3, side - 2, side - 2];
}

Deno.test("refuses every inconsistency of a package by name", () => {
  const cases: [(model: ModelPackage) => void, RegExp][] = [
    [({ manifest }) => manifest.rounds = [], /one round or more/],
    [
      ({ manifest }) => manifest.rounds[1].bound--,
      /"round1": expected a bound of \d+ or more, got \d+/,
    ],
    [
      ({ tensors }) => tensors.delete("round0.bias"),
      /Cannot find tensor "round0.bias"/,
    ],
    [
      ({ tensors }) => tensors.get("round2.weights0")!.shape.reverse(),
      /"round2": expected tensor "round2.weights0" of shape/,
    ],
    [
      ({ tensors }) =>
        tensors.set("round2.bias", { shape: [9], data: new Int32Array(9) }),
      /"round2": expected tensor "round2.bias"/,
    ],
    [
      ({ manifest }) => manifest.rounds[1].terms[0].reads = "a1",
      /"round1": activation "a1" is read before it is written/,
    ],
    [
      ({ manifest }) => manifest.rounds[1].writes = "a0",
      /activation "a0" is written twice/,
    ],
    [
      ({ manifest }) => manifest.rounds[1].terms[0].high--,
      /expected "a0" in \[0, 30\], got \[0, 31\]/,
    ],
    [
      ({ manifest }) => manifest.rounds[1].outputShape[1]++,
      /"round1": expected output shape \[4,4,3\], got \[4,3,3\]/,
    ],
    [
      ({ manifest }) => manifest.rounds[0].steps.pop(),
      /expected "a0" in \[0, 31\]/,
    ],
    [
      ({ manifest: { rounds: [round] } }) =>
        round.terms = Array(9).fill(round.terms[0]),
      /"round0": expected at most 8 terms that read "input", got more/,
    ],
    [
      ({ manifest }) => manifest.outputs[0].shape = [5],
      /expected output "scores" of \[5\] from 0 on within 4 elements/,
    ],
    [
      ({ manifest }) =>
        manifest.rounds[0].steps[2] = {
          op: "requantise",
          multiplier: 2 ** 50,
          shift: 10,
          low: 0,
          high: 31,
        },
      /products of requantise below 2\^53/,
    ],
    [
      ({ manifest }) => {
        const [term] = manifest.rounds[0].terms;
        if (term.kind === "convolution") term.groups = 2;
      },
      /"round0"/,
    ],
    [
      ({ manifest }) => resized(manifest, 2 ** 10),
      /"round0": expected maps of at most 262144 places, got \[1022,1022\]/,
    ],
    [
      ({ manifest }) => resized(manifest, 2 ** 24),
      /"round0": expected at most 16777216 elements, got 8\d{14}/,
    ],
  ];
  for (const [damage, message] of cases) {
    const model = tinyLeNet();
    verifyPackage(model);
    damage(model);
    assert.throws(() => verifyPackage(model), message);
    assertMalformed(() => decodePackage(encodePackage(model)), message);
  }
});

Deno.test("refuses at once a kernel too large to plan with", () => {
  const { manifest } = tinyLeNet();
  const convolution = manifest.rounds[0].terms[0];
  assert(convolution.kind === "convolution");
  // 67 kB of weights: planning took minutes.
  const model: ModelPackage = {
    manifest: {
      ...manifest,
      inputs: [{ ...manifest.inputs[0], shape: [1, 767, 767] }],
      outputs: [{
        ...manifest.outputs[0],
        tensor: manifest.rounds[0].writes,
        shape: [1, 512, 512],
      }],
      rounds: [{
        ...manifest.rounds[0],
        outputShape: [1, 512, 512],
        steps: [],
        bound: 2 ** 40,
        terms: [{
          ...convolution,
          reads: "input",
          low: manifest.inputs[0].low,
          high: manifest.inputs[0].high,
          inputShape: [1, 767, 767],
          kernel: [256, 256],
          stride: [1, 1],
          dilation: [1, 1],
          pads: [0, 0, 0, 0],
          groups: 1,
        }],
      }],
    },
    tensors: new Map([
      [manifest.rounds[0].bias, { shape: [1], data: new Int32Array(1) }],
      [convolution.weights, {
        shape: [1, 1, 256, 256],
        data: new Int32Array(2 ** 16).fill(1),
      }],
    ]),
  };
  assert.throws(
    () => verifyPackage(model),
    /expected kernels and maps that take 65536 steps to plan, got \d+/,
  );
});

Deno.test("refuses a manifest of another form", () => {
  const files = encodePackage(tinyDense());
  const text = new TextDecoder().decode(files.get("manifest.json"));
  for (
    const [from, to, message] of [
      ["cipherlayer-model-2", "other", /manifest.format/],
      [
        "cipherlayer-model-2",
        "cipherlayer-model-1",
        /package format 1: compile its ONNX file again with `cipherlayer compile`/,
      ],
      [
        "cipherlayer-model-2",
        "cipherlayer-model-3",
        /package format 3, newer than this release knows: update it/,
      ],
      ['"version": 1', '"version": 2', /to be version 1 of relu, got 2/],
      ['"provenance"', '"extra": 1, "provenance"', /"extra"/],
      [
        '"op": "relu"',
        '"op": "eval"',
        /steps\[0\] to be a step that this release knows, got "eval"/,
      ],
      ['"bound": ', '"bound": -', /bound to be an integer/],
    ] as const
  ) {
    const altered = new TextEncoder().encode(text.replace(from, to));
    assertMalformed(
      () => decodePackage(new Map([...files, ["manifest.json", altered]])),
      message,
    );
  }
});
