/**
 * The curve of base transfers: in WebAssembly, or by @noble/curves where there is none.
 *
 * @module
 */
import { compileWasm } from "../../garbling/wasm/compile.ts";
import { curveModule } from "../wasm/curve.ts";
import type { Curve } from "./curve.ts";
import { NobleCurve } from "./curve_noble.ts";
import { WasmCurve } from "./curve_wasm.ts";

let module: WebAssembly.Module | null | undefined;

/** A curve with a memory of its own. */
export function makeCurve(): Curve {
  if (module === undefined) module = compileWasm(curveModule());
  return module ? new WasmCurve(module) : new NobleCurve();
}
