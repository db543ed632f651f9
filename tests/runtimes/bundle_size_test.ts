import assert from "node:assert/strict";
import { bundle } from "../../functions/hosts/bundle.ts";

/**
 * What a page loads for the whole SDK at most, minified and compressed. A third of it is
 * for sealed sessions: garbling, oblivious transfer, ristretto255 in WebAssembly and by
 * @noble/curves; one kilobyte for the kernel of machines without fused multiply-add.
 */
const maxGzippedBytes = 98_000;

Deno.test("the browser bundle of the SDK is self-contained and small", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/bundle.js`;
    await bundle("sdk/mod.ts", path, { minify: true });
    const text = await Deno.readTextFile(path);
    const imports = text.match(/\bfrom\s*"[^"]*"|\bimport\("[^"]*"\)/g) ?? [];
    assert.deepEqual(imports, []);
    const gzipped = new Blob([text]).stream()
      .pipeThrough(new CompressionStream("gzip"));
    const bytes = (await new Response(gzipped).arrayBuffer()).byteLength;
    console.log(`browser bundle: ${text.length} bytes, ${bytes} gzipped`);
    assert.ok(
      bytes <= maxGzippedBytes,
      `expected at most ${maxGzippedBytes} bytes gzipped, got ${bytes}`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
