/**
 * What the environment says of the functions. Runtime: Node.
 *
 * @module
 */
import "./node_20.ts";
import process from "node:process";
import {
  type ProcessOptions,
  processOptions,
} from "../settings/process_options.ts";
import { Settings } from "../settings/settings.ts";
import { openState } from "../settings/state.ts";

/**
 * Reads settings and models, and opens the shared state.
 *
 * @param sealingKey in place of the environment's
 * @param isListener and no thread of one
 * @throws {Error} for what cannot be read
 */
export async function nodeOptions(
  sealingKey: Uint8Array,
  isListener: boolean,
): Promise<ProcessOptions> {
  const settings = new Settings(process.env, "node");
  const state = await openState(settings, { isListener });
  return await processOptions(settings, { sealingKey, state });
}
