import { CipherlayerError } from "../../sdk/support/errors.ts";

/** What came of a call that the functions ought to refuse: their code, or "accepted". */
export async function attempt(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return "accepted";
  } catch (error) {
    if (error instanceof CipherlayerError) return error.code;
    throw error;
  }
}
