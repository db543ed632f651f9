/** What a gateway is told of addresses that cannot be used; runs in Deno and Node. */
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { createTransport } from "../../../sdk/session/transport.ts";

export interface Cause {
  code: string;
  retryable: boolean;
  message: string;
}

/** The fault of one call to each address. */
export function causesOf(urls: string[]): Promise<Cause[]> {
  return Promise.all(urls.map(async (url) => {
    const post = createTransport({ url, timeoutMs: 20_000 });
    const fault = await post("v1/x", Uint8Array.of(1), { maxBytes: 9 })
      .catch((error) => error);
    if (!(fault instanceof CipherlayerError)) throw fault;
    const { code, retryable, message } = fault;
    return { code, retryable, message };
  }));
}
