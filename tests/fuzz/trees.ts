/**
 * Damage within the structure: a valid message or document as a tree of maps,
 * lists and leaves, of which some are replaced, removed, repeated, renamed or
 * exchanged. Encoded again it passes the outer checks and reaches the inner ones.
 */
import fc from "fast-check";

/** JSON, and bytes. */
export type Tree =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | Tree[]
  | { [name: string]: Tree };

/** Names that mean something to the language, and none. */
const names = fc.constantFrom(
  ...["__proto__", "constructor", "toString", "valueOf", "length", "hasOwn"],
  ...["", "0", "kind", "op", "shape", "format", "\u0000", "x".repeat(300)],
);

const leaves: fc.Arbitrary<Tree> = fc.oneof(
  fc.constantFrom<Tree[]>(
    ...[0, -0, 1, -1, 2, 3, 7, 8, 16, 63, 64, 255, 256, 1000, 2 ** 16],
    ...[2 ** 24, 2 ** 24 + 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1],
    ...[2 ** 60, -(2 ** 31), 0.5, -1.5, 1e-300, 1e300, NaN, Infinity],
  ),
  fc.integer({ min: -20, max: 40 }),
  fc.constantFrom<Tree[]>(
    null,
    true,
    false,
    [],
    {},
    "",
    "input",
    "é".repeat(9),
  ),
  names,
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ maxLength: 12 }),
);

interface Change {
  kind:
    | "replace"
    | "nudge"
    | "remove"
    | "add"
    | "repeat"
    | "rename"
    | "copy"
    | "nest";
  at: number;
  from: number;
  name: string;
  leaf: Tree;
  count: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom<Change["kind"][]>(
    ...["replace", "replace", "nudge", "nudge", "remove", "add"] as const,
    ...["repeat", "rename", "copy", "nest"] as const,
  ),
  at: fc.nat(2 ** 20),
  from: fc.nat(2 ** 20),
  name: names,
  leaf: leaves,
  count: fc.integer({ min: 1, max: 40 }),
});

/** Samples with up to four changes each. */
export function damagedTrees<T>(samples: readonly T[]): fc.Arbitrary<Tree> {
  return fc.tuple(
    fc.nat(samples.length - 1),
    fc.array(change, { maxLength: 4, size: "medium" }),
  ).map(([i, changes]) => {
    const root = { tree: structuredClone(samples[i]) as Tree };
    for (const each of changes) {
      apply(root, { ...each, leaf: structuredClone(each.leaf) });
    }
    return root.tree;
  });
}

/** A place in the tree: a map or list, and the name or number within it. */
interface Slot {
  owner: Tree[] | { [name: string]: Tree };
  key: string;
}

function slotsOf(owner: Slot["owner"], found: Slot[] = []): Slot[] {
  for (const key of Object.keys(owner)) {
    found.push({ owner, key });
    const value = valueAt({ owner, key });
    if (isBranch(value)) slotsOf(value, found);
  }
  return found;
}

function isBranch(value: Tree): value is Slot["owner"] {
  return typeof value === "object" && value !== null &&
    !ArrayBuffer.isView(value);
}

function valueAt({ owner, key }: Slot): Tree {
  return Reflect.getOwnPropertyDescriptor(owner, key)?.value;
}

/** Also for names such as `__proto__`. */
function put({ owner, key }: Slot, value: Tree): void {
  const how = { value, enumerable: true, writable: true, configurable: true };
  Object.defineProperty(owner, key, how);
}

function apply(root: { tree: Tree }, change: Change): void {
  const slots = slotsOf(root);
  const slot = slots[change.at % slots.length];
  const { owner, key } = slot;
  const value = valueAt(slot);
  switch (change.kind) {
    case "replace":
      return put(slot, change.leaf);
    case "nudge":
      return put(slot, nudged(value, change));
    case "remove":
      if (Array.isArray(owner)) owner.splice(Number(key), 1);
      else if (owner !== root) delete owner[key];
      return;
    case "add":
      if (Array.isArray(value)) value.push(change.leaf);
      else if (isBranch(value)) {
        put({ owner: value, key: change.name }, change.leaf);
      }
      return;
    case "repeat":
      if (!Array.isArray(owner)) return;
      for (let i = 0; i < change.count; i++) {
        owner.splice(Number(key), 0, structuredClone(value));
      }
      return;
    case "rename":
      if (Array.isArray(owner) || owner === root) return;
      delete owner[key];
      return put({ owner, key: change.name }, value);
    case "copy":
      return put(
        slot,
        structuredClone(valueAt(slots[change.from % slots.length])),
      );
    case "nest": {
      let nested = value;
      for (let i = 0; i < change.count; i++) {
        nested = change.from % 2 ? [nested] : { [change.name]: nested };
      }
      return put(slot, nested);
    }
  }
}

/** Nearly the same. */
function nudged(value: Tree, { count, from }: Change): Tree {
  if (typeof value === "number") {
    return [value + 1, value - 1, -value, 2 * value, value + count][from % 5];
  }
  if (typeof value === "string") {
    return from % 2 ? value.slice(0, -1) : value + "x".repeat(count);
  }
  if (value instanceof Uint8Array) {
    // One byte less, as many, or one more, and a bit of one of them.
    const bytes = new Uint8Array(Math.max(0, value.length + from % 3 - 1));
    bytes.set(value.subarray(0, bytes.length));
    if (bytes.length > 0) bytes[from % bytes.length] ^= 1 << (count % 8);
    return bytes;
  }
  if (typeof value === "boolean") return !value;
  return value;
}
