/**
 * Predicted time of transfers and garbled calls: committed constants, as those of
 * `cost_model.ts`.
 *
 * @module
 */
import type { Stage } from "../../sdk/garbling/rounds/stage.ts";
import { andGates } from "../../sdk/garbling/rounds/run.ts";
import { shapeOf } from "../../sdk/transfer/batch_shape.ts";

/** Milliseconds of one core. */
export const perAnd = { garble: 0.00016, evaluate: 0.00008 };
/** Of a transfer, at either side. */
export const perChoice = 0.0005;
/** Of making a batch of transfers, beside what each transfer takes. */
export const perBatch = { gateway: 2, functions: 15 };
/** Of a block of noise, at the functions. */
const perBlock = 0.00025;
/** Of beginning transfers, at either side. */
export const setUpMs = 300;

/** Making all transfers of a batch. */
export const batchRowsMs = (size: number): number =>
  shapeOf(size).blocks * perBlock;

/** Garbling a call, its transfers not counted. */
export const garblingMs = (stages: readonly Stage[]): number =>
  andGates(stages) * perAnd.garble;
