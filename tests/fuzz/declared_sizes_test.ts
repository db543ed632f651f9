/** A few bytes that declare gigabytes: refused before anything is made of that size. */
import assert from "node:assert/strict";
import { decodeIdx } from "../../cli/readings/idx.ts";
import { decodeNpy } from "../../cli/readings/npy.ts";
import { readOnnx } from "../../models/compiler/onnx/read.ts";
import { decodeSafetensors } from "../../models/package/safetensors.ts";
import { decodeRoundRequest } from "../../sdk/wire/codec.ts";
import { readCorpus } from "./corpus.ts";

const maxBytes = 16 * 2 ** 20;
const text = (value: string) => [...new TextEncoder().encode(value)];
const many = [0xff, 0xff, 0xff, 0xff];

function safetensors(header: string): Uint8Array {
  const bytes = text(header);
  return Uint8Array.of(bytes.length, 0, 0, 0, 0, 0, 0, 0, ...bytes);
}

function npy(shape: string, headerLength?: number[]): Uint8Array {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': ${shape}}`;
  const length = headerLength ?? [header.length, 0, 0, 0];
  return Uint8Array.of(
    0x93,
    ...text("NUMPY"),
    2,
    0,
    ...length,
    ...text(header),
  );
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return await new Response(packed).bytes();
}

const idx = Uint8Array.of(0, 0, 8, 3, ...many, ...many, ...many);
const [onnx] = readCorpus("onnx");

const cases: [string, () => unknown, RegExp][] = [
  ["CBOR list", () => decodeRoundRequest(Uint8Array.of(0x9a, ...many)), /CBOR/],
  ["CBOR map", () => decodeRoundRequest(Uint8Array.of(0xba, ...many)), /CBOR/],
  [
    "CBOR bytes",
    () => decodeRoundRequest(Uint8Array.of(0x5a, ...many)),
    /CBOR/,
  ],
  [
    "safetensors header",
    () => decodeSafetensors(Uint8Array.of(...many, 0, 0, 0, 0, 1, 2, 3)),
    /expected a header of 4294967295 bytes/,
  ],
  [
    "safetensors tensor",
    () =>
      decodeSafetensors(safetensors(
        `{"a":{"dtype":"I32","shape":[${2 ** 28}],"data_offsets":[0,${
          2 ** 30
        }]}}`,
      )),
    /tensor "a" at bytes 0 to 0 at most, got 0 to 1073741824/,
  ],
  ["npy array", () => decodeNpy(npy("(4294967296, 8)")), /bytes of data/],
  ["npy header", () => decodeNpy(npy("()", many)), /header is cut/],
  ["IDX", () => decodeIdx(idx), /expected \d[\d.e+]+ elements/],
  [
    "IDX in gzip",
    async () => decodeIdx(await gzip(idx)),
    /expected \d[\d.e+]+ elements/,
  ],
  // Field 7, the graph, of 4 GiB.
  [
    "ONNX",
    () => readOnnx(Uint8Array.of(...onnx, 0x3a, ...many, 0x0f)),
    /a message of 4294967295 bytes/,
  ],
];

for (const [name, read, message] of cases) {
  Deno.test(`declared size: ${name}`, async () => {
    const before = held();
    await assert.rejects(async () => await read(), message);
    assert(held() - before < maxBytes);
  });
}

/** Bytes of the heap and of buffers beside it. */
function held(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
