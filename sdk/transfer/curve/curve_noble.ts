/**
 * Points by @noble/curves, where there is no WebAssembly.
 *
 * @module
 */
import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { concat } from "../../support/bytes.ts";
import type { Curve, Points } from "./curve.ts";
import { refusePoint } from "./refuse_point.ts";

const { Point } = ristretto255;
type Point = InstanceType<typeof Point>;

class NoblePoints implements Points {
  constructor(readonly list: Point[]) {}

  get count(): number {
    return this.list.length;
  }
}

const listOf = (points: Points): Point[] => (points as NoblePoints).list;

const pieces = (bytes: Uint8Array, length: number): Uint8Array[] =>
  Array.from(
    { length: bytes.length / length },
    (_, i) => bytes.subarray(length * i, length * (i + 1)),
  );

export class NobleCurve implements Curve {
  readonly base: Points = new NoblePoints([Point.BASE]);

  decode(bytes: Uint8Array): Points {
    return new NoblePoints(
      pieces(bytes, 32).map((each) => {
        try {
          return Point.fromBytes(each) as Point;
        } catch (cause) {
          return refusePoint(cause);
        }
      }),
    );
  }

  derive(uniform: Uint8Array): Points {
    return new NoblePoints(
      pieces(uniform, 64).map((each) =>
        ristretto255_hasher.deriveToCurve!(each) as Point
      ),
    );
  }

  double(points: Points): Points {
    return new NoblePoints(listOf(points).map((point) => point.double()));
  }

  add(a: Points, b: Points): Points {
    const others = listOf(b);
    return new NoblePoints(
      listOf(a).map((point, i) => point.add(others[i])),
    );
  }

  subtract(a: Points, b: Points): Points {
    const others = listOf(b);
    return new NoblePoints(
      listOf(a).map((point, i) => point.subtract(others[i])),
    );
  }

  multiplyOne(point: Points, scalars: readonly bigint[]): Points {
    const [one] = listOf(point);
    return new NoblePoints(scalars.map((scalar) => one.multiply(scalar)));
  }

  multiplyAll(points: Points, scalar: bigint): Points {
    return new NoblePoints(
      listOf(points).map((point) => point.multiplyUnsafe(scalar)),
    );
  }

  encodeDoubles(points: Points): Uint8Array {
    return concat(
      ...listOf(points).map((point) => point.double().toBytes()),
    );
  }
}
