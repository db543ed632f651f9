/**
 * The layer protocol's own parts, for programs that speak it without a `Session`:
 * bodies of the calls, and where values lie in plaintexts. `Session` does what
 * `examples/06_plain_fetch.ts` shows, and retries, shards and checks besides.
 *
 * @module
 */
export { checkPlan } from "./session/check_plan.ts";
export type { IntegerTensor } from "./fixed_point/integer_tensor.ts";
export { packInputs, unpackAnswers } from "./fixed_point/packing.ts";
export {
  decodeRoundResponse,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeSessionRequest,
} from "./wire/codec.ts";
export type {
  RoundRequest,
  RoundResponse,
  SessionRequest,
  SessionResponse,
} from "./wire/messages.ts";
export type * from "./wire/plan.ts";
