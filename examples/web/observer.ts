import type { RoundLayout } from "@cipherlayer/sdk/protocol";
import { decode } from "cborg";
import { unpackAnswers } from "../../sdk/fixed_point/packing.ts";
import type { WatchedOwner } from "../watched_owner.ts";
import type { RoundSeen } from "./messages.ts";

/** Bytes of a ciphertext that the page shows. */
const shownBytes = 96;

/** Watches one session: what it sends to the cloud, what it decrypts itself. */
export class RoundObserver {
  readonly #owner: WatchedOwner;
  readonly #fetch: typeof fetch;
  #sent = new Uint8Array();

  constructor(owner: WatchedOwner, send: typeof fetch) {
    this.#owner = owner;
    this.#fetch = send;
  }

  /** For the session: passes every call on, unchanged. */
  readonly fetch: typeof fetch = (input, init) => {
    if (/\/v1\/rounds\//.test(String(input)) && init?.body) {
      // The body is CBOR (PROTOCOL.md): a token and ciphertexts, nothing else.
      const { ciphertexts } = decode(init.body as Uint8Array);
      this.#sent = ciphertexts.slice(0, shownBytes);
    }
    return this.#fetch(input, init);
  };

  /** Both views of the round that has just ended. */
  seen(layout: RoundLayout): Pick<RoundSeen, "layer" | "cloud" | "gateway"> {
    const { shape, samples } = unpackAnswers(layout, this.#owner.decrypted);
    return {
      layer: layout.kind === "spatial"
        ? `conv ${layout.output.join("×")}`
        : `dense ${layout.outputLength}`,
      cloud: {
        bytes: this.#sent,
        ciphertextBytes: this.#owner.publicKey.ciphertextBytes,
      },
      gateway: { shape, values: samples[0] },
    };
  }
}
