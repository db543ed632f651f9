/**
 * The models that an account may use, before any session is opened.
 *
 * @module
 */
import { CipherlayerError } from "../support/errors.ts";
import type { ModelInfo, ModelValues } from "../wire/messages.ts";
import {
  type Check,
  integer,
  list,
  Mismatch,
  nullable,
  printableText,
  record,
} from "../wire/schema.ts";
import {
  maxAxes,
  maxCount,
  maxLabels,
  maxListBytes,
  maxListItems,
  maxModels,
  maxNameLength,
  maxTensors,
} from "../wire/limits.ts";
import type { ConnectOptions } from "./session_options.ts";
import { getJson } from "./transport.ts";

/**
 * Options of {@linkcode listModels}, as those of `connect`.
 *
 * @example
 * ```ts
 * import type { ListModelsOptions } from "@cipherlayer/sdk";
 *
 * const options: ListModelsOptions = { timeoutMs: 5000 };
 * console.log(options); // listModels(url, options)
 * ```
 */
export type ListModelsOptions = Pick<
  ConnectOptions,
  "token" | "fetch" | "timeoutMs" | "signal"
>;

const [comma, bracket, brace] = new TextEncoder().encode(",[{");
const name = printableText(maxNameLength);
const shape = list(integer(1, maxCount), maxAxes);

const values = record<ModelValues>({
  name,
  shape,
  labels: nullable(list(name, maxLabels)),
  units: nullable(list(name, maxLabels)),
});

const modelList: Check<ModelInfo[]> = list(
  record<ModelInfo>({
    name,
    version: name,
    inputs: list(values, maxTensors),
    outputs: list(values, maxTensors),
    contract: printableText(71),
  }),
  maxModels,
);

/**
 * Lists the models that the caller may use: names, versions, what they take and
 * give, and contracts. One call, not repeated.
 *
 * @param url address of the functions, as for `connect`
 * @param options bearer token and the like; `timeoutMs` is 120 000 by default
 * @returns in the functions' order, at most 4096
 * @throws {CipherlayerError} if the functions cannot be reached (`network`), refuse
 * the token (`unauthenticated`, `forbidden`) or send anything else than such a list
 * (`malformed`)
 * @throws {TypeError} if the token cannot stand in a header
 *
 * @example
 * ```ts
 * import { CipherlayerError, listModels } from "@cipherlayer/sdk";
 *
 * try {
 *   const models = await listModels("http://127.0.0.1:9", { token: "letters" });
 *   for (const { name, inputs: [{ shape }] } of models) {
 *     console.log(`${name} reads ${shape.join(" x ")} values`);
 *   }
 * } catch (error) {
 *   // Nothing listens at this address.
 *   if (!(error instanceof CipherlayerError) || error.code !== "network") throw error;
 * }
 * ```
 */
export async function listModels(
  url: string | URL,
  options: ListModelsOptions = {},
): Promise<ModelInfo[]> {
  const { timeoutMs = 120_000, ...rest } = options;
  const body = await getJson("v1/models", {
    ...rest,
    url,
    timeoutMs,
    maxBytes: maxListBytes,
  });
  try {
    requireFewItems(body);
    const utf8 = new TextDecoder("utf-8", { fatal: true });
    return modelList(JSON.parse(utf8.decode(body)), "models");
  } catch (fault) {
    const why = fault instanceof Mismatch
      ? fault.message
      : "expected JSON in UTF-8, got other bytes";
    // Without its cause: JSON's faults quote the list.
    throw new CipherlayerError("malformed", `Cannot list models: ${why}`);
  }
}

/**
 * Bounds what JSON becomes in memory before it is read: each value in it begins
 * the text, or stands behind one of these marks.
 */
function requireFewItems(json: Uint8Array): void {
  let items = 1;
  for (const byte of json) {
    if (byte === comma || byte === bracket || byte === brace) items++;
  }
  if (items > maxListItems) {
    throw new Mismatch(
      `expected models of at most ${maxListItems} items, got more`,
    );
  }
}
