/**
 * What a gateway sent, opened with its private key: the tensors that each round
 * read, computed from the ciphertexts alone by code that shares nothing with the
 * packing under test.
 */
import { equal } from "node:assert/strict";
import type { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import {
  decodeRoundRequest,
  decodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import type {
  DenseLayout,
  InferencePlan,
  RoundLayout,
  SpatialLayout,
} from "../../sdk/wire/plan.ts";

/** One tensor as read by one round: a row-major array a sample. */
export interface SentTensor {
  round: number;
  tensor: string;
  samples: number[][];
}

/** A `fetch` that opens what passes through it. */
export class Wiretap {
  readonly sent: SentTensor[] = [];
  #plan!: InferencePlan;

  constructor(readonly owner: PaillierEngine) {}

  readonly fetch: typeof fetch = async (target, init) => {
    const response = await fetch(target, init);
    const url = new URL(`${target}`);
    if (url.pathname === "/v1/sessions" && response.ok) {
      this.#plan = decodeSessionResponse(await response.clone().bytes()).plan;
    }
    const match = /^\/v1\/rounds\/(\d+)$/.exec(url.pathname);
    // Every shard carries the same request: one of them is enough.
    if (match && /^\?shard=0\//.test(url.search)) {
      const round = Number(match[1]);
      const { ciphertexts } = decodeRoundRequest(init!.body as Uint8Array);
      const { layout } = this.#plan.rounds[round];
      const opened = await openRequest(this.owner, layout, ciphertexts);
      this.sent.push(...opened.map((tensor) => ({ round, ...tensor })));
    }
    return response;
  };
}

async function openRequest(
  owner: PaillierEngine,
  layout: RoundLayout,
  ciphertexts: Uint8Array,
): Promise<{ tensor: string; samples: number[][] }[]> {
  const { modulus } = owner.publicKey;
  const slots = layout.samples *
    (layout.kind === "dense" ? layout.fold : layout.grid[0] * layout.grid[1]);
  const opened = (await owner.decryptBatch(ciphertexts)).map((plaintext) =>
    signedDigits(plaintext, modulus, layout.slotBits, slots)
  );
  return layout.kind === "dense"
    ? openDense(layout, opened)
    : openSpatial(layout, opened);
}

/** Slot j*n + s of ciphertext g is element g*k + j of sample s. */
function openDense(layout: DenseLayout, opened: number[][]) {
  const vectors = Array.from(
    { length: layout.samples },
    (_, sample) =>
      opened.flatMap((slots) =>
        slots.filter((_, slot) => slot % layout.samples === sample)
      ),
  );
  let from = 0;
  return layout.inputs.map(({ tensor, length }) => {
    const samples = vectors.map((vector) => vector.slice(from, from + length));
    from += length;
    return { tensor, samples };
  });
}

function openSpatial(layout: SpatialLayout, opened: number[][]) {
  let next = 0;
  return layout.inputs.map(({ tensor, shape, step, offsets }) => {
    const [channels, height, width] = shape;
    const samples = Array.from(
      { length: layout.samples },
      () => new Array<number>(channels * height * width).fill(0),
    );
    for (let channel = 0; channel < channels; channel++) {
      for (const [offsetY, offsetX] of offsets) {
        opened[next++].forEach((value, slot) => {
          const tile = Math.floor(slot / layout.samples);
          const y = offsetY + step[0] * Math.floor(tile / layout.grid[1]);
          const x = offsetX + step[1] * (tile % layout.grid[1]);
          if (y >= 0 && y < height && x >= 0 && x < width) {
            samples[slot % layout.samples][
              (channel * height + y) * width + x
            ] = value;
          } else {
            equal(value, 0, "outside of the tensor");
          }
        });
      }
    }
    return { tensor, samples };
  });
}

/** Digits in [-2^(bits-1), 2^(bits-1)) of a residue that stands for a signed number. */
function signedDigits(
  residue: bigint,
  modulus: bigint,
  bits: number,
  count: number,
): number[] {
  const base = 1n << BigInt(bits);
  let rest = residue > modulus / 2n ? residue - modulus : residue;
  const digits = Array.from({ length: count }, () => {
    let digit = ((rest % base) + base) % base;
    if (digit >= base / 2n) digit -= base;
    rest = (rest - digit) / base;
    return Number(digit);
  });
  equal(rest, 0n, "nothing above the slots");
  return digits;
}
