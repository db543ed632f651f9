/**
 * The call that begins oblivious transfer, once a gateway process, and the one that
 * renews its root.
 *
 * @module
 */
import { rootSize } from "../../../sdk/transfer/chain.ts";
import type {
  BatchRequest,
  BatchResponse,
} from "../../../sdk/wire/sealed_messages.ts";
import { runPaced } from "../privacy/paced.ts";
import { answerBatch, type SealedContext } from "./answer_linear.ts";
import { callSeed, type SealedRequest } from "./seeds.ts";
import type { BatchToken } from "./token.ts";

type Context = Pick<
  SealedContext,
  "sealingKey" | "tokens" | "transfers" | "caller"
>;
type Owner = Pick<BatchToken, "modulus" | "account" | "expiresAt">;

/**
 * Begins: answers base transfers and the three batches that follow from them.
 *
 * @param request of the receiver, the body of the call
 * @param received the call as it came; its token is the caller's
 * @throws {CipherlayerError} `malformed`
 */
export async function answerSetup(
  context: Context,
  request: Uint8Array,
  { owner, received }: { owner: Owner; received: SealedRequest },
): Promise<BatchResponse> {
  const { tokens, transfers, caller } = context;
  const setup = transfers.readSetup(request);
  const seed = callSeed(context.sealingKey, "transfers", received);
  const steps = transfers.answerSetup(seed, setup);
  const { answer, root } = await runPaced(steps, {
    task: { usedMs: 0, caller },
  });
  return { token: tokens.seal({ ...owner, opens: "batch", ...root }), answer };
}

/**
 * Makes the next root from transfers of this one.
 *
 * @throws {CipherlayerError} `malformed`, `token-mismatch`
 */
export function answerRoot(
  context: Context,
  request: BatchRequest,
  { parent, received }: { parent: BatchToken; received: SealedRequest },
): BatchResponse {
  const seed = callSeed(context.sealingKey, "batch", received);
  const options = { owner: parent, size: rootSize, seed };
  return answerBatch(context, request, parent, options);
}
