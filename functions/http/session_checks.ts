/**
 * What a call must show to begin a session or to go on with one, in the open as in
 * the sealed protocol.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { equal } from "../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { accountDigest, mayUse, type Principal } from "../access/principal.ts";
import { modelNotFound, type ModelStore } from "../models/model_store.ts";

/** @throws {CipherlayerError} `token-mismatch` for a token of another round */
export function checkRound({ round }: { round: number }, index: number): void {
  if (round === index) return;
  throw new CipherlayerError(
    "token-mismatch",
    `Cannot evaluate round ${index}: expected a token for it, got one for round ${round}`,
  );
}

/** @throws {CipherlayerError} `token-mismatch` for a token of another account */
export function checkAccount(
  { account }: { account: Uint8Array },
  principal: Principal,
): void {
  if (equal(account, accountDigest(principal))) return;
  throw new CipherlayerError(
    "token-mismatch",
    "Cannot go on: the session was started by another account; start a new one",
  );
}

/**
 * The model of a session: the active one, or that of a session that has begun. The
 * right to use it may have been taken away since.
 *
 * @param version of a session that has begun
 * @throws {CipherlayerError} `model-not-found`, for a model that the principal may not
 * use too; `model-changed`
 */
export async function loadModel(
  models: ModelStore,
  { model: name, version }: { model: string; version?: string },
  principal: Principal,
): Promise<ModelPackage> {
  const model = await findModel(models, name, principal, version);
  const { manifest } = model;
  if (version === undefined || manifest.version === version) return model;
  throw new CipherlayerError(
    "model-changed",
    `Cannot go on: model ${name} was version ${version} and is now ${manifest.version}; start a new session`,
  );
}

/**
 * A model that the principal may use.
 *
 * @throws {CipherlayerError} `model-not-found`, naming those that there are for the
 * principal
 */
export async function findModel(
  models: ModelStore,
  name: string,
  principal: Principal,
  version?: string,
): Promise<ModelPackage> {
  try {
    if (!mayUse(principal, name)) throw modelNotFound(name);
    return await models.load(name, version);
  } catch (error) {
    const isMissing = error instanceof CipherlayerError &&
      error.code === "model-not-found";
    if (!isMissing) throw error;
    const listed = await models.list().catch(() => []);
    const served = listed.map(({ name }) => name)
      .filter((name) => mayUse(principal, name));
    throw modelNotFound(name, served);
  }
}
