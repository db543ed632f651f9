/**
 * Watches a session from inside the gateway: what it sends, what it decrypts.
 *
 * @module
 */
import type { RoundLayout } from "@cipherlayer/sdk/protocol";
import { decode } from "cborg";
import { unpackAnswers } from "../../sdk/fixed_point/packing.ts";
import type { WatchedOwner } from "../watched_owner.ts";
import type { RoundSeen, WorkerMessage } from "./messages.ts";

type OnTheWay = WorkerMessage & { kind: "sent" | "received" };

/** Bytes that the page shows of what was sent: a picture of 32 x 32. */
const shownBytes = 1024;
/** Feature maps of a convolution that the page shows. */
const shownMaps = 4;

/** Watches one session: what it sends to the cloud, what it decrypts itself. */
export class RoundObserver {
  readonly #owner: WatchedOwner;
  readonly #fetch: typeof fetch;
  readonly #tell: (message: OnTheWay) => void;
  #sent = new Uint8Array();

  /** @param tell called when ciphertexts of a round leave, and when sums come back */
  constructor(
    owner: WatchedOwner,
    send: typeof fetch,
    tell: (message: OnTheWay) => void,
  ) {
    this.#owner = owner;
    this.#fetch = send;
    this.#tell = tell;
  }

  /** For the session: passes every call on, unchanged. */
  readonly fetch: typeof fetch = async (input, init) => {
    const [, round] = /\/v1\/(?:sealed\/)?rounds\/(\d+)/.exec(String(input)) ??
      [];
    if (!round || !init?.body) return await this.#fetch(input, init);
    // The body is CBOR (PROTOCOL.md): a token and ciphertexts; in a
    // sealed inference's first round also what prepares its oblivious transfers.
    const { ciphertexts } = decode(init.body as Uint8Array);
    this.#sent = ciphertexts.slice(0, shownBytes);
    const bytes = [...this.#sent];
    this.#tell({ kind: "sent", round: Number(round), bytes });
    const reply = await this.#fetch(input, init);
    this.#tell({ kind: "received", round: Number(round) });
    return reply;
  };

  /** Both views of the round that has just ended; of a sealed one the gateway's is noise. */
  seen(layout: RoundLayout): Pick<RoundSeen, "cloud" | "gateway"> {
    const { shape, samples } = unpackAnswers(layout, this.#owner.decrypted);
    const shown = layout.kind === "spatial"
      ? samples[0].subarray(0, shownMaps * shape[1] * shape[2])
      : samples[0];
    return {
      cloud: {
        bytes: [...this.#sent],
        ciphertextBytes: this.#owner.publicKey.ciphertextBytes,
      },
      gateway: { shape, values: [...shown] },
    };
  }
}
