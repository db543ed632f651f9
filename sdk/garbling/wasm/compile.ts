/**
 * Compiling modules where that may be forbidden.
 *
 * @module
 */

/** Null where vectors are not supported, or a security policy forbids code made at run time. */
export function compileWasm(
  bytes: Uint8Array<ArrayBuffer>,
): WebAssembly.Module | null {
  if (typeof WebAssembly === "undefined") return null;
  try {
    return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return null;
    throw error;
  }
}
