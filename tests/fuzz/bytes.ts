/** Damage to bytes: what lines, disks and attackers do to a valid file or message. */
import fc from "fast-check";
import { concat } from "../../sdk/support/bytes.ts";

/** Places are taken modulo the length, so that shrinking a sample keeps them valid. */
type Damage =
  | { kind: "flip"; at: number; bit: number }
  | { kind: "set"; at: number; value: number }
  | { kind: "truncate"; at: number }
  | { kind: "remove"; at: number; length: number }
  | { kind: "duplicate"; at: number; length: number; to: number }
  | { kind: "insert"; at: number; bytes: Uint8Array }
  | { kind: "integer"; at: number; value: bigint; width: number; big: boolean }
  | { kind: "repeat"; at: number; times: number }
  | { kind: "splice"; at: number; other: number; from: number };

const place = fc.nat(2 ** 20);

/** What length fields are attacked with. */
const sizes = fc.constantFrom(
  ...[0n, 1n, 127n, 128n, 255n, 256n, 2n ** 15n, 2n ** 16n - 1n, 2n ** 24n],
  ...[2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n - 1n],
  ...[2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 2n],
);

/** Bytes that open lists and maps: many in a row nest deeply. */
const openers = [0x5b, 0x7b, 0x81, 0xa1, 0x9f, 0x0a, 0x0b, 0x28, 0x22, 0xd8];

const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 4, arbitrary: kind("flip", { at: place, bit: fc.nat(7) }) },
  { weight: 3, arbitrary: kind("set", { at: place, value: fc.nat(255) }) },
  kind("truncate", { at: place }),
  kind("remove", { at: place, length: fc.integer({ min: 1, max: 40 }) }),
  kind("duplicate", {
    at: place,
    length: fc.integer({ min: 1, max: 200 }),
    to: place,
  }),
  kind("insert", {
    at: place,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
  }),
  {
    weight: 3,
    arbitrary: kind("integer", {
      at: place,
      value: sizes,
      width: fc.constantFrom(1, 2, 4, 8),
      big: fc.boolean(),
    }),
  },
  kind("repeat", { at: place, times: fc.constantFrom(10, 300, 20_000) }),
  kind("splice", { at: place, other: place, from: place }),
);

function kind<K extends Damage["kind"], T>(
  name: K,
  fields: { [P in keyof T]: fc.Arbitrary<T[P]> },
): fc.Arbitrary<Extract<Damage, { kind: K }>> {
  return fc.record({ kind: fc.constant(name), ...fields }) as fc.Arbitrary<
    Extract<Damage, { kind: K }>
  >;
}

/**
 * Valid samples with a few damages each; now and then one that is whole, and bytes
 * that were never anything.
 */
export function damagedBytes(
  samples: readonly Uint8Array[],
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const damaged = fc.tuple(
    fc.nat(samples.length - 1),
    fc.array(damage, { maxLength: 5, size: "medium" }),
  ).map(([i, damages]) =>
    damages.reduce(
      (bytes, each) => apply(bytes, each, samples),
      samples[i].slice(),
    )
  );
  const other = fc.uint8Array({ maxLength: 60 }) as fc.Arbitrary<
    Uint8Array<ArrayBuffer>
  >;
  return fc.oneof({ weight: 15, arbitrary: damaged }, other);
}

function apply(
  bytes: Uint8Array<ArrayBuffer>,
  damage: Damage,
  samples: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const at = damage.at % (bytes.length + 1);
  switch (damage.kind) {
    case "flip":
      if (at < bytes.length) bytes[at] ^= 1 << damage.bit;
      return bytes;
    case "set":
      if (at < bytes.length) bytes[at] = damage.value;
      return bytes;
    case "truncate":
      return bytes.slice(0, at);
    case "remove":
      return concat(bytes.subarray(0, at), bytes.subarray(at + damage.length));
    case "duplicate": {
      const part = bytes.slice(at, at + damage.length);
      return inserted(bytes, damage.to % (bytes.length + 1), part);
    }
    case "insert":
      return inserted(bytes, at, damage.bytes);
    case "integer": {
      const { value, width, big } = damage;
      if (at + width > bytes.length) return bytes;
      const whole = new DataView(new ArrayBuffer(8));
      whole.setBigUint64(0, value, !big);
      const part = new Uint8Array(whole.buffer);
      bytes.set(big ? part.subarray(8 - width) : part.subarray(0, width), at);
      return bytes;
    }
    case "repeat": {
      const opener = openers[damage.at % openers.length];
      const part = new Uint8Array(damage.times).fill(opener);
      return inserted(bytes, at, part);
    }
    case "splice": {
      const other = samples[damage.other % samples.length];
      const from = damage.from % (other.length + 1);
      return concat(bytes.subarray(0, at), other.subarray(from));
    }
  }
}

function inserted(bytes: Uint8Array, at: number, part: Uint8Array) {
  return concat(bytes.subarray(0, at), part, bytes.subarray(at));
}
