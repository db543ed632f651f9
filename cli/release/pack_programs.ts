/**
 * Packs the command line and the functions for npm.
 *
 * @module
 */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../sdk/support/version.ts";
import { bundleModules, root } from "./bundle_modules.ts";
import { writeDeclarations } from "./declarations.ts";
import { commonFields, writeJson, writeTarball } from "./tarball.ts";

/** Threads of functions and gateways, which start from files of these names. */
const threads = {
  node_thread: "functions/hosts/node_thread.ts",
  worker_node: "sdk/paillier/workers/worker_node.ts",
};

/** `cipherlayer`: the command line with functions, demo and zoo. */
export function packCommand(tarball: string): Promise<void> {
  return pack(tarball, async (folder) => {
    const dependencies = await bundleModules(`${folder}/dist`, {
      cipherlayer: "examples/demo/cipherlayer.ts",
      ...threads,
    });
    for (const name of await readdir(`${root}models/zoo`)) {
      const model = `models/zoo/${name}/package`;
      if (!existsSync(root + model)) continue;
      await cp(root + model, `${folder}/zoo/${name}/package`, {
        recursive: true,
      });
    }
    await cp(`${root}cli/README.md`, `${folder}/README.md`);
    return {
      name: "cipherlayer",
      description:
        "Private deep-learning inference: compiles models, serves them, and infers on encrypted readings",
      keywords: ["paillier", "homomorphic encryption", "inference", "onnx"],
      bin: { cipherlayer: "dist/cipherlayer.js" },
      dependencies,
    };
  });
}

/** `@cipherlayer/functions`: the functions as a Hono application. */
export function packFunctions(tarball: string): Promise<void> {
  return pack(tarball, async (folder) => {
    const dependencies = await bundleModules(`${folder}/dist`, {
      functions: "functions/mod.ts",
    });
    await writeDeclarations(root, "functions/mod.ts", `${folder}/types`);
    await cp(`${root}functions/README.md`, `${folder}/README.md`);
    return {
      name: "@cipherlayer/functions",
      description:
        "Evaluates neural networks on encrypted readings: a Hono application",
      keywords: ["paillier", "homomorphic encryption", "inference", "hono"],
      exports: {
        ".": {
          types: "./types/functions/mod.d.ts",
          default: "./dist/functions.js",
        },
      },
      dependencies,
    };
  });
}

/** @param fill puts files into a folder, and returns fields of `package.json` */
async function pack(
  tarball: string,
  fill: (folder: string) => Promise<Record<string, unknown>>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cipherlayer-pack-"));
  try {
    const content = `${folder}/package`;
    const { name, ...fields } = await fill(content);
    await cp(`${root}LICENSE`, `${content}/LICENSE`);
    const manifest = { name, version, ...commonFields, ...fields };
    await writeJson(`${content}/package.json`, manifest);
    await writeTarball(folder, tarball);
  } finally {
    await rm(folder, { recursive: true });
  }
}
