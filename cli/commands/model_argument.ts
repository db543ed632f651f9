/**
 * How commands name a model: an ONNX file, a package, a folder of the zoo or a name in
 * it, or the address of functions with the model's name.
 *
 * @module
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ModelPackage } from "../../models/package/format.ts";
import { manifestFile } from "../../models/package/package_bytes.ts";
import { FileError, readBytes } from "../../models/package/read_file.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { zooFolder } from "../../models/package/zoo.ts";
import { suggestion } from "../../sdk/support/nearest.ts";
import { kindNames, kindOf } from "../readings/file_kind.ts";
import { UsageError } from "./command.ts";

/** What an argument names. */
export type ModelSource =
  | { kind: "package"; folder: string }
  | { kind: "onnx"; path: string }
  | { kind: "served"; url: string; model: string };

/** For `--help`. */
export const packageArgument =
  "a package's folder, or a name in the zoo (occupancy)";

/**
 * Finds what is named.
 *
 * @throws {UsageError} where it is nothing of that, saying what it is instead
 * @throws {FileError} where there is no such file
 */
export async function findModel(named: string): Promise<ModelSource> {
  if (/^https?:\/\//.test(named)) return servedModel(named);
  if (!existsSync(named)) return { kind: "package", folder: zooModel(named) };
  if (statSync(named).isDirectory()) {
    return { kind: "package", folder: packageIn(named) };
  }
  if (basename(named) === manifestFile) {
    return { kind: "package", folder: dirname(named) };
  }
  const kind = kindOf(named, await readBytes(named));
  if (kind === "onnx") return { kind, path: named };
  throw new UsageError(
    `Cannot use ${named}: expected a model, but it is ${kindNames[kind]}`,
  );
}

/**
 * The folder of the package that is named.
 *
 * @throws {UsageError} where it is no package
 */
export async function findPackage(named: string): Promise<string> {
  const source = await findModel(named);
  if (source.kind === "package") return source.folder;
  throw new UsageError(
    source.kind === "onnx"
      ? `Cannot use ${named}: it is an ONNX file; compile it first (cipherlayer compile)`
      : `Cannot use ${named}: expected a package, which is not to be had from functions`,
  );
}

/** Reads and checks the package that is named. */
export async function openPackage(named: string): Promise<ModelPackage> {
  return await readPackage(await findPackage(named));
}

/** `http://host/prefix/name`. */
function servedModel(address: string): ModelSource {
  const url = URL.canParse(address) ? new URL(address) : null;
  const model = url?.pathname.split("/").at(-1);
  if (!url || !model) {
    throw new UsageError(
      `Cannot use ${address}: expected the functions' address with the model's name, such as http://127.0.0.1:8000/occupancy`,
    );
  }
  return {
    kind: "served",
    url: new URL(".", url).href,
    model: decodeURIComponent(model),
  };
}

/** The folder itself, or the package in it: the zoo keeps sources beside packages. */
function packageIn(folder: string): string {
  const found = [folder, join(folder, "package")].find(isPackage);
  if (found) return found;
  const within = readdirSync(folder)
    .filter((name) =>
      isPackage(join(folder, name)) || isZooModel(folder, name)
    );
  throw new UsageError(
    within.length > 0
      ? `Cannot use ${folder}: expected a package, got a folder of ${
        within.join(", ")
      }`
      : `Cannot use ${folder}: expected a package, but there is no ${manifestFile} in it`,
  );
}

/** @throws {UsageError} {FileError} */
function zooModel(name: string): string {
  if (/[\\/]|\.\w+$/.test(name)) {
    throw new FileError(`Cannot read ${name}: no such file or folder`);
  }
  const names = readdirSync(zooFolder)
    .filter((name) => isZooModel(zooFolder, name));
  if (names.includes(name)) return join(zooFolder, name, "package");
  throw new UsageError(
    `Cannot use ${name}: there is no such file or folder, and no such model in the zoo (${
      names.join(", ")
    })${suggestion(name, names)}`,
  );
}

function isZooModel(folder: string, name: string): boolean {
  return isPackage(join(folder, name, "package"));
}

function isPackage(folder: string): boolean {
  return existsSync(join(folder, manifestFile));
}
