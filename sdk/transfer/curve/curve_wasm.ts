/**
 * Points in WebAssembly: ristretto255 (RFC 9496) over the curve's own arithmetic.
 *
 * No branch and no address depends on a secret, as far as JavaScript and WebAssembly
 * let that be said: engines promise nothing about time.
 *
 * @module
 */
import {
  type CurveExports,
  doubleDAt,
  multiples,
  multiplesBytes,
  pointBytes as heldBytes,
} from "../wasm/curve.ts";
import { fieldBytes, limbs } from "../wasm/field.ts";
import { type Curve, pointBytes, type Points, uniformBytes } from "./curve.ts";
import { digitsOf, scalarDigits } from "./digits.ts";
import { type Address, Field } from "./field.ts";
import { refusePoint } from "./refuse_point.ts";

const d =
  37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const base = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76";

const pointWords = 4 * limbs;

class WasmPoints implements Points {
  /** X, Y, Z and T of each, limb by limb. */
  readonly words: Int32Array;

  constructor(readonly count: number) {
    this.words = new Int32Array(pointWords * count);
  }

  at(i: number): Int32Array {
    return this.words.subarray(pointWords * i, pointWords * (i + 1));
  }
}

const held = (points: Points): WasmPoints => points as WasmPoints;

export class WasmCurve implements Curve {
  readonly base: Points;
  readonly #exports: CurveExports;
  readonly #field: Field;
  readonly #scratch: Address[];
  /** Points that are worked on. */
  readonly #point: Address;
  readonly #other: Address;
  readonly #prepared: Address;
  readonly #table: Address;
  readonly #d: Address;
  readonly #oneMinusDSquared: Address;
  readonly #dMinusOneSquared: Address;
  readonly #rootOfMinusDMinusOne: Address;
  readonly #inverseRootOfMinusOneMinusD: Address;
  readonly #minusOne: Address;

  constructor(module: WebAssembly.Module) {
    this.#exports = new WebAssembly.Instance(module)
      .exports as unknown as CurveExports;
    const field = this.#field = new Field(this.#exports);
    this.#scratch = Array.from({ length: 8 }, () => field.take());
    [this.#point, this.#other, this.#prepared] = [0, 1, 2].map(() =>
      field.take(4)
    );
    this.#table = field.take(4 * multiples);
    this.#d = field.constant(d);
    field.add(doubleDAt, this.#d, this.#d);
    this.#oneMinusDSquared = field.constant(
      1159843021668779879193775521855586647937357759715417654439879720876111806838n,
    );
    this.#dMinusOneSquared = field.constant(
      40440834346308536858101042469323190826248399146238708352240133220865137265952n,
    );
    this.#rootOfMinusDMinusOne = field.constant(
      25063068953384623474111414158702152701244531502492656460079210482610430750235n,
    );
    this.#inverseRootOfMinusOneMinusD = field.constant(
      54469307008909316920995813868745141605393597292927456921205312896311721017578n,
    );
    this.#minusOne = field.take();
    field.negate(this.#minusOne, field.one);
    this.base = this.decode(
      Uint8Array.from(base.match(/../g)!, (byte) => parseInt(byte, 16)),
    );
  }

  decode(bytes: Uint8Array): Points {
    return this.#make(bytes.length / pointBytes, (i) => {
      const piece = bytes.subarray(pointBytes * i, pointBytes * (i + 1));
      if (!this.#decode(piece)) refusePoint();
    });
  }

  derive(uniform: Uint8Array): Points {
    const half = uniformBytes / 2;
    return this.#make(uniform.length / uniformBytes, (i) => {
      this.#map(uniform.subarray(uniformBytes * i, uniformBytes * i + half));
      this.#exports.prepare(this.#prepared, this.#point);
      this.#map(
        uniform.subarray(uniformBytes * i + half, uniformBytes * (i + 1)),
      );
      this.#exports.addPrepared(this.#point, this.#prepared);
    });
  }

  double(points: Points): Points {
    return this.#make(points.count, (i) => {
      this.#load(points, i);
      this.#exports.double(this.#point, 1);
    });
  }

  add(a: Points, b: Points): Points {
    return this.#make(a.count, (i) => {
      this.#load(b, i);
      this.#exports.prepare(this.#prepared, this.#point);
      this.#load(a, i);
      this.#exports.addPrepared(this.#point, this.#prepared);
    });
  }

  subtract(a: Points, b: Points): Points {
    const { zero } = this.#field, x = this.#point, t = x + 3 * fieldBytes;
    return this.#make(a.count, (i) => {
      this.#load(b, i);
      this.#field.subtract(x, zero, x);
      this.#field.subtract(t, zero, t);
      this.#exports.prepare(this.#prepared, this.#point);
      this.#load(a, i);
      this.#exports.addPrepared(this.#point, this.#prepared);
    });
  }

  multiplyOne(point: Points, scalars: readonly bigint[]): Points {
    const { addMultiple, double } = this.#exports;
    // A table for each digit's place: the same point serves all scalars.
    const tables = this.#tables(), power = this.#other;
    this.#load(point, 0);
    this.#field.copy(power, this.#point, 4);
    for (let place = 0; place < scalarDigits; place++) {
      this.#field.copy(this.#point, power, 4);
      this.#fillTable(tables + multiplesBytes * place);
      double(power, 4);
    }
    return this.#make(scalars.length, (i) => {
      this.#setNeutral();
      digitsOf(scalars[i]).forEach((digit, place) =>
        addMultiple(this.#point, tables + multiplesBytes * place, digit)
      );
    });
  }

  multiplyAll(points: Points, scalar: bigint): Points {
    const { addMultiple, double } = this.#exports;
    const digits = digitsOf(scalar).toReversed();
    return this.#make(points.count, (i) => {
      this.#load(points, i);
      this.#fillTable(this.#table);
      this.#setNeutral();
      for (const digit of digits) {
        double(this.#point, 4);
        addMultiple(this.#point, this.#table, digit);
      }
    });
  }

  /**
   * With e = 2XY, f = Z^2 + dT^2, g = Y^2 + X^2 and h = Z^2 - dT^2, twice the point is
   * (eh : fg : fh : eg); one inversion gives 1/(efgh) for all points (Hamburg's "double
   * and encode").
   */
  encodeDoubles(points: Points): Uint8Array {
    const { count } = points, field = this.#field, at = fieldBytes;
    const bytes = new Uint8Array(pointBytes * count);
    if (count === 0) return bytes;
    // e, f, g, h, efgh, and the product of those before.
    const sums = this.#sums(6 * count), sum = (i: number) => sums + 6 * at * i;
    const [x, y, z, t] = [0, 1, 2, 3].map((i) => this.#point + at * i);
    const [product, inverse, one] = this.#scratch;
    const isNeutral: number[] = [];
    field.copy(product, field.one);
    for (let i = 0; i < count; i++) {
      this.#load(points, i);
      const e = sum(i), f = e + at, g = f + at, h = g + at, all = h + at;
      field.square(z, z);
      field.square(t, t);
      field.multiply(t, t, this.#d);
      field.add(f, z, t);
      field.subtract(h, z, t);
      field.multiply(e, x, y);
      field.add(e, e, e);
      field.square(x, x);
      field.square(y, y);
      field.add(g, y, x);
      field.multiply(all, e, g);
      field.multiply(all, all, f);
      field.multiply(all, all, h);
      // The neutral element's product is 0, which has no inverse.
      isNeutral.push(field.isZero(all));
      field.choose(all, field.one, isNeutral[i]);
      field.copy(all + at, product);
      field.multiply(product, product, all);
    }
    field.invert(inverse, product);
    for (let i = count - 1; i >= 0; i--) {
      const all = sum(i) + 4 * at;
      field.multiply(one, inverse, all + at);
      field.multiply(inverse, inverse, all);
      const to = bytes.subarray(pointBytes * i, pointBytes * (i + 1));
      this.#encodeDouble(sum(i), one, to);
      const mask = isNeutral[i] - 1;
      for (let j = 0; j < pointBytes; j++) to[j] &= mask;
    }
    return bytes;
  }

  #encodeDouble(e: Address, inverse: Address, to: Uint8Array): void {
    const field = this.#field, at = fieldBytes;
    const f = e + at, g = f + at, h = g + at;
    const [, , , eg, fh, s, factor, turned] = this.#scratch;
    field.multiply(eg, e, g);
    field.multiply(fh, f, h);
    const overZ = s;
    field.multiply(overZ, eg, inverse); // 1/(fh)
    field.multiply(fh, fh, inverse); // 1/(eg)
    field.multiply(eg, eg, overZ); // T/Z of twice the point
    const turns = field.isNegative(eg);
    field.copy(factor, this.#inverseRootOfMinusOneMinusD);
    field.choose(factor, field.rootOfMinusOne, turns);
    field.copy(turned, e);
    field.choose(e, g, turns);
    field.negate(turned, turned);
    field.choose(g, turned, turns);
    field.multiply(turned, f, field.rootOfMinusOne);
    field.choose(h, turned, turns);
    field.multiply(turned, h, e);
    field.multiply(turned, turned, overZ);
    const negative = field.isNegative(turned);
    field.negate(turned, g);
    field.choose(g, turned, negative);
    field.subtract(s, h, g);
    field.multiply(factor, factor, g);
    field.multiply(factor, factor, fh);
    field.multiply(s, s, factor);
    field.makeEven(s);
    field.read(s, to);
  }

  /** RFC 9496, 4.3.1. @returns whether it is a point; then it is the one worked on */
  #decode(bytes: Uint8Array): boolean {
    const field = this.#field, { one } = field;
    const [s, u1, u2, u2Squared, v, root] = this.#scratch;
    const [x, y, z, t] = [0, 1, 2, 3].map((i) => this.#point + fieldBytes * i);
    field.write(s, bytes);
    const isCanonical = field.read(s).every((byte, i) => byte === bytes[i]);
    const isNegative = bytes[0] & 1;
    field.square(t, s);
    field.subtract(u1, one, t);
    field.add(u2, one, t);
    field.square(u2Squared, u2);
    field.square(v, u1);
    field.multiply(v, v, this.#d);
    field.add(v, v, u2Squared);
    field.negate(v, v);
    field.multiply(t, v, u2Squared);
    const isSquare = field.rootOfRatio(root, one, t);
    field.multiply(x, root, u2);
    field.multiply(y, root, x);
    field.multiply(y, y, v);
    field.multiply(x, x, s);
    field.add(x, x, x);
    field.makeEven(x);
    field.multiply(y, y, u1);
    field.copy(z, one);
    field.multiply(t, x, y);
    return isCanonical && !isNegative && isSquare === 1 &&
      !field.isNegative(t) && !field.isZero(y);
  }

  /** RFC 9496, 4.3.4: the point worked on becomes that of 32 bytes. */
  #map(bytes: Uint8Array): void {
    const field = this.#field, { one } = field;
    const [t, r, u, v, s, other, c, n] = this.#scratch;
    const [x, y, z, last] = [0, 1, 2, 3].map((i) =>
      this.#point + fieldBytes * i
    );
    field.write(t, bytes);
    field.square(r, t);
    field.multiply(r, r, field.rootOfMinusOne);
    field.add(u, r, one);
    field.multiply(u, u, this.#oneMinusDSquared);
    field.multiply(v, r, this.#d);
    field.subtract(v, this.#minusOne, v);
    field.add(other, r, this.#d);
    field.multiply(v, v, other);
    const isSquare = field.rootOfRatio(s, u, v);
    field.multiply(other, s, t);
    field.makeEven(other);
    field.negate(other, other);
    field.choose(s, other, 1 - isSquare);
    field.copy(c, this.#minusOne);
    field.choose(c, r, 1 - isSquare);
    field.subtract(n, r, one);
    field.multiply(n, n, c);
    field.multiply(n, n, this.#dMinusOneSquared);
    field.subtract(n, n, v);
    field.multiply(other, s, v);
    field.add(other, other, other); // w0
    field.multiply(n, n, this.#rootOfMinusDMinusOne); // w1
    field.square(s, s);
    field.subtract(u, one, s); // w2
    field.add(v, one, s); // w3
    field.multiply(x, other, v);
    field.multiply(y, u, n);
    field.multiply(z, n, v);
    field.multiply(last, other, u);
  }

  /** Points each of which `work` leaves as the one worked on. */
  #make(count: number, work: (i: number) => void): Points {
    const points = new WasmPoints(count);
    for (let i = 0; i < count; i++) {
      work(i);
      points.at(i).set(this.#field.words(this.#point, 4));
    }
    return points;
  }

  #load(points: Points, i: number): void {
    this.#field.words(this.#point, 4).set(held(points).at(i));
  }

  #setNeutral(): void {
    const { zero, one } = this.#field;
    [zero, one, one, zero].forEach((number, i) =>
      this.#field.copy(this.#point + fieldBytes * i, number)
    );
  }

  /** Multiples 1 to 8 of the point worked on, ready to be added. */
  #fillTable(table: Address): void {
    const { prepare, addPrepared } = this.#exports;
    prepare(table, this.#point);
    for (let i = 1; i < multiples; i++) {
      addPrepared(this.#point, table);
      prepare(table + heldBytes * i, this.#point);
    }
  }

  #tablesAt: Address | undefined;
  /** Room for the multiples of a point at each place of a scalar's digits. */
  #tables(): Address {
    return this.#tablesAt ??= this.#field.take(4 * multiples * scalarDigits);
  }

  #sumsAt: Address = 0;
  #sumsTaken = 0;
  /** Room for so many numbers. */
  #sums(count: number): Address {
    if (count > this.#sumsTaken) {
      this.#sumsAt = this.#field.take(count);
      this.#sumsTaken = count;
    }
    return this.#sumsAt;
  }
}
