/**
 * The functions as a Hono application, for servers of others: `createApp`, and where
 * its models, callers and spent tokens come from. Runtime: Deno and Node.
 *
 * ```ts no-eval
 * import { createApp, FolderModelStore } from "@cipherlayer/functions";
 *
 * const app = createApp({
 *   models: new FolderModelStore("models"),
 *   sealingKey: crypto.getRandomValues(new Uint8Array(32)),
 * });
 * const response = await app.fetch(new Request("http://localhost/v1/models"));
 * console.log(await response.json());
 * ```
 *
 * @module
 */
import "./hosts/node_20.ts";

export type { ModelPackage } from "../models/package/format.ts";
export { readPackage } from "../models/package/read_package.ts";
export { AccessFile } from "./access/access_file.ts";
export { ConfiguredAccess } from "./access/configured_access.ts";
export { type AccessEntry, parseAccess } from "./access/entries.ts";
export type { Access, Principal } from "./access/principal.ts";
export { type BudgetStore, MemoryBudgetStore } from "./admission/budget.ts";
export { type AppOptions, createApp } from "./app.ts";
export { FolderModelStore } from "./models/folder_models.ts";
export { MemoryModelStore } from "./models/memory_models.ts";
export type { ModelStore } from "./models/model_store.ts";
export { openSharedState, type OpenStateOptions } from "./stores/open_state.ts";
export type { SharedState } from "./stores/shared_state.ts";
export { FolderNonceStore } from "./stores/spent_folder.ts";
export { MemoryNonceStore, type NonceStore } from "./stores/spent_tokens.ts";
