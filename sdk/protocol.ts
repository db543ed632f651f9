/**
 * The layer protocol's own parts, for programs that speak it without a `Session`:
 * bodies of the calls, integers of readings, where values lie in plaintexts, and
 * the steps between rounds. `Session` does what `examples/06_plain_fetch.ts`
 * shows, and retries, shards and checks besides.
 *
 * @module
 */
export { applySteps } from "./activations/apply.ts";
export type {
  ActivationRegistry,
  FaultListener,
} from "./activations/registry.ts";
export {
  FixedPointCodec,
  fromResidue,
  toResidue,
} from "./fixed_point/codec.ts";
export type { IntegerTensor } from "./fixed_point/integer_tensor.ts";
export {
  inputActivations,
  nextStates,
  outputIntegers,
  quantise,
  type QuantiseOptions,
  realReading,
  realValues,
} from "./fixed_point/quantise.ts";
export type { Reading, ReadingForm } from "./fixed_point/reading.ts";
export { packInputs, unpackAnswers } from "./fixed_point/packing.ts";
export { checkPlan } from "./session/check_plan.ts";
export {
  type LeakageReport,
  leakageReport,
  type RoundLeakage,
} from "./session/leakage.ts";
export {
  decodeRoundResponse,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeSessionRequest,
} from "./wire/codec.ts";
export type {
  ModelInfo,
  ModelValues,
  RoundRequest,
  RoundResponse,
  SessionRequest,
  SessionResponse,
} from "./wire/messages.ts";
export type * from "./wire/plan.ts";
export type * from "./wire/values.ts";
