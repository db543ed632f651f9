/**
 * Where the functions find their models, and models in a folder.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { manifestContract } from "../../models/protections/contract.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { ModelInfo, ModelValues } from "../../sdk/wire/messages.ts";
import type { ValuesSpec } from "../../sdk/wire/values.ts";

/** Where the functions find their models. */
export interface ModelStore {
  list(): Promise<ModelInfo[]>;
  /**
   * The same object for as long as the model is the same and in use.
   *
   * @param version of the model that is wanted; default: the active one. A store of
   * one version of each model may give that: who asks looks at what it got.
   * @throws {CipherlayerError} `model-not-found`; `model-changed` if the version
   * is not stored
   */
  load(name: string, version?: string): Promise<ModelPackage>;
}

/** What clients see of a model. */
export function modelInfo(
  { manifest }: Pick<ModelPackage, "manifest">,
): ModelInfo {
  return {
    name: manifest.name,
    version: manifest.version,
    inputs: manifest.inputs.map(valuesInfo),
    outputs: manifest.outputs.map(valuesInfo),
    contract: manifestContract(manifest),
  };
}

function valuesInfo({ name, shape, labels, units }: ValuesSpec): ModelValues {
  return { name, shape, labels, units };
}

/** What a session meets whose version of the model is gone. */
export function modelChanged(name: string, version: string): CipherlayerError {
  return new CipherlayerError(
    "model-changed",
    `Cannot go on: version ${version} of model ${name} is no longer stored; start a new session`,
  );
}

/** @param served names of models that the caller may use, where they are known */
export function modelNotFound(
  name: string,
  served: readonly string[] = [],
): CipherlayerError {
  const shown = served.slice(0, namesShown).join(", ");
  const more = served.length > namesShown ? ", ..." : "";
  return new CipherlayerError(
    "model-not-found",
    `Cannot find model ${JSON.stringify(name.slice(0, 80))}${
      served.length > 0 ? `; these functions serve ${shown}${more}` : ""
    }`,
  );
}

/** Names that an error lists at most. */
const namesShown = 20;
