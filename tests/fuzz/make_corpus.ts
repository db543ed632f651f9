/**
 * Writes `corpus/`: small valid inputs of every format, from the project's own
 * encoders, from fixed seeds: `deno run -A tests/fuzz/make_corpus.ts`. Run again
 * only when a format changes; inputs once found to be at fault stay beside them.
 */
import { fileURLToPath } from "node:url";
import { sealPrivateKey } from "../../sdk/keys/key_sealing.ts";
import { MemoryKeyStore } from "../../sdk/keys/key_store.ts";
import { QueueSealer } from "../../sdk/queue/offline_queue_sealing.ts";
import { exportPrivateJwk } from "../../sdk/paillier/private/jwk.ts";
import { encodeNpy } from "../../cli/readings/npy.ts";
import { encodePackage } from "../../models/package/package_bytes.ts";
import {
  encodeRoundRequest,
  encodeRoundResponse,
  encodeSessionRequest,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import { startSession } from "../support/gateway.ts";
import { randomGraph } from "../models/compiler/random_graphs.ts";
import {
  tinyLeNet,
  tinyResidual,
  tinySignal,
} from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";
import {
  fixedRandom,
  fuzzedApp,
  fuzzedModel,
  joinedModel,
  namedModel,
  passphrase,
} from "./fixtures.ts";
import { walk } from "./walk.ts";

const folder = fileURLToPath(new URL("corpus/", import.meta.url));

async function write(format: string, name: string, bytes: Uint8Array) {
  await Deno.mkdir(`${folder}${format}`, { recursive: true });
  await Deno.writeFile(`${folder}${format}/${name}`, bytes);
}

const text = (value: string) => new TextEncoder().encode(value);
const json = (value: unknown) => text(JSON.stringify(value));

/** Everything that a whole inference sends. */
async function writeWire(): Promise<void> {
  const { start, session, rounds } = await walk(fuzzedApp());
  await write("session-request", "start", encodeSessionRequest(start));
  await write("session-response", "dense", encodeSessionResponse(session));
  for (const [index, { request, answer }] of rounds.entries()) {
    await write("round-request", `${index}`, encodeRoundRequest(request));
    await write("round-response", `${index}`, encodeRoundResponse(answer));
  }
  const spatial = fuzzedApp(
    tinyLeNet(),
    tinyResidual(),
    tinySignal(),
    namedModel,
    joinedModel,
  );
  for (const model of ["tiny-1", "tiny-2", "tiny-3"]) {
    const answer = await startSession(spatial, model, 2);
    await write("session-response", model, encodeSessionResponse(answer));
  }
  for (const model of ["named", "joined"]) {
    const answer = await startSession(spatial, model, 1);
    await write("session-response", model, encodeSessionResponse(answer));
  }
}

async function writeModels(): Promise<void> {
  const models = [
    fuzzedModel,
    tinyLeNet(),
    tinyResidual(),
    tinySignal(),
    namedModel,
    joinedModel,
  ];
  for (const model of models) {
    const { name } = model.manifest;
    for (const [file, bytes] of encodePackage(model)) {
      await write(file, name, bytes);
    }
  }
  for (const seed of [1, 2, 5, 8]) {
    await write("onnx", `random-${seed}`, randomGraph(seed).onnx);
  }
  const layer = { accumulatorScale: 0.01, weightLimit: 7 };
  const activation = { multiplier: 5, shift: 9, low: 0, high: 63 };
  await write(
    "quantisation",
    "two-layers",
    json({
      format: "cipherlayer-quantisation-1",
      input: { scale: 1 / 255, offset: 0, low: 0, high: 63 },
      layers: [{ ...layer, activation }, { ...layer, activation: null }],
    }),
  );
}

async function writeKeys(): Promise<void> {
  const key = testKey(512);
  await write("private-jwk", "512", json(exportPrivateJwk(key)));
  const sealed = await sealPrivateKey(key, passphrase, {
    cost: 1 << 10,
    random: fixedRandom(1),
  });
  await write("sealed-key", "512", sealed);
  const keys = new MemoryKeyStore();
  await keys.save(key);
  const sealer = new QueueSealer(keys, fixedRandom(2));
  await write("queued", "1", await sealer.seal("1.queued", 1, sealed));
}

/** As NumPy writes an array of one element type. */
function npy(version: number, descr: string, shape: string, data: number[]) {
  const header =
    `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;
  const length = version === 1 ? [header.length, 0] : [header.length, 0, 0, 0];
  const magic = [0x93, ...text("NUMPY"), version, 0, ...length];
  return Uint8Array.of(...magic, ...text(header), ...data);
}

async function writeArrays(): Promise<void> {
  const data = Float64Array.of(1, -2.5, 3, 0, 1e9, -0.125);
  await write("npy", "f8", encodeNpy({ shape: [2, 3], data }));
  await write("npy", "u1", npy(1, "|u1", "(3,)", [0, 128, 255]));
  await write("npy", "i2-big", npy(2, ">i2", "(1, 2)", [1, 2, 255, 254]));
  await write("npy", "f4-scalar", npy(3, "<f4", "()", [0, 0, 128, 63]));
  await write("npy", "b1", npy(1, "|b1", "(2, 0)", []));
  const idx = Uint8Array.of(
    ...[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2],
    ...[1, 2, 3, 4, 250, 251, 252, 253],
  );
  await write("idx", "plain", idx);
  const packed = new Blob([idx]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  await write("idx", "gzip", await new Response(packed).bytes());
}

await writeWire();
await writeModels();
await writeKeys();
await writeArrays();
