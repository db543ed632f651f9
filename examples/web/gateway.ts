/**
 * A gateway that tells what happens: it runs in the page's worker, and once while
 * the page is built, for the example.
 *
 * @module
 */
import { connect, type PrivateKey, type Session } from "@cipherlayer/sdk";
import type { RoundLayout } from "@cipherlayer/sdk/protocol";
import {
  answerCiphertexts,
  inputCiphertexts,
} from "../../sdk/fixed_point/layout.ts";
import { contracts } from "../contracts.ts";
import { addEncrypted, hidePicture } from "./experiments.ts";
import type { RoundPlanned, WorkerMessage } from "./messages.ts";
import { WatchedOwner } from "../watched_owner.ts";
import { RoundObserver } from "./observer.ts";
import { sealedContract, sealedModel } from "./sealed_model.ts";

type Tell = (message: WorkerMessage) => void;

/** The network, and the same one as a model that hides itself from gateways. */
const models = {
  open: { name: "lenet-mnist", contract: contracts["lenet-mnist"] },
  sealed: { name: sealedModel, contract: sealedContract },
};

/** What a gateway is opened with. */
export interface GatewayOptions {
  /** Where the functions run. */
  url: string;
  key: PrivateKey;
  /** Whether the sealed model is asked. */
  sealed: boolean;
  tell: Tell;
}

/** One key, one session, and all that they do told to the page. */
export class Gateway implements AsyncDisposable {
  readonly #owner: WatchedOwner;
  readonly #session: Session;
  readonly #tell: Tell;

  private constructor(owner: WatchedOwner, session: Session, tell: Tell) {
    this.#owner = owner;
    this.#session = session;
    this.#tell = tell;
  }

  /** Connects to the functions at `url`, and prepares for the first question. */
  static async open(
    { url, key, sealed, tell }: GatewayOptions,
  ): Promise<Gateway> {
    const { name: model, contract } = models[sealed ? "sealed" : "open"];
    const owner = new WatchedOwner(key);
    const observer = new RoundObserver(
      owner,
      globalThis.fetch.bind(globalThis),
      tell,
    );
    tell({ kind: "status", text: "Step 2 of 3: connecting to the cloud" });
    let session: Session;
    try {
      session = await connect({
        url,
        model,
        contract,
        keys: owner,
        fetch: observer.fetch,
        onRetry: ({ error, delayMs }) => {
          const seconds = (delayMs / 1000).toFixed(1);
          const text = `${error.message}; trying again in ${seconds} s`;
          tell({ kind: "status", text });
        },
      });
    } catch (error) {
      owner[Symbol.dispose]();
      throw error;
    }
    const gateway = new Gateway(owner, session, tell);
    gateway.#watch(observer);
    tell({ kind: "status", text: "Step 3 of 3: preparing the encryption" });
    await session.whenPrepared();
    tell({
      kind: "ready",
      keyBits: owner.publicKey.modulusBits,
      fingerprint: owner.publicKey.fingerprint,
      kernel: owner.kernelName,
      model,
      sealed,
      rounds: session.plan.rounds.map(({ layout }) => describe(layout)),
    });
    return gateway;
  }

  #watch(observer: RoundObserver): void {
    const session = this.#session;
    session.addEventListener("state", ({ detail }) => {
      if (!("round" in detail)) return;
      const doing = {
        encrypting: "encrypting here",
        evaluating: "the cloud calculates, blind",
        decrypting: "decrypting here",
        activating: "a circuit that hides the network runs here",
      }[detail.state];
      const text = `Round ${
        detail.round + 1
      } of ${session.plan.rounds.length}: ${doing}`;
      this.#tell({ kind: "status", text });
    });
    session.addEventListener("round", ({ detail }) => {
      const { layout } = session.plan.rounds[detail.round];
      const seen = {
        ...observer.seen(layout),
        index: detail.round,
        report: detail.report,
      };
      this.#tell({ kind: "round", seen });
    });
  }

  /** @param picture 784 values in [0, 255] */
  async ask(picture: number[]): Promise<void> {
    const reading = picture.map((value) => value / 255);
    const { scores, predicted, totalMs, bytesUp, bytesDown, leakage } =
      await this.#session.infer(reading);
    const { threads } = this.#owner;
    const cost = { totalMs, bytesUp, bytesDown, threads };
    this.#tell({
      kind: "answer",
      answer: { scores, predicted, leakage, ...cost },
    });
  }

  /** @param picture 784 values in [0, 255] */
  async hide(picture: number[]): Promise<void> {
    const pictures = await hidePicture(this.#owner, picture);
    this.#tell({ kind: "hidden", pictures });
  }

  /** Adds two whole numbers while they are encrypted. */
  async add(left: number, right: number): Promise<void> {
    const sum = await addEncrypted(this.#owner, left, right);
    this.#tell({ kind: "sum", sum });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
    this.#owner[Symbol.dispose]();
  }
}

function describe(layout: RoundLayout): RoundPlanned {
  return {
    layer: layout.kind === "spatial"
      ? `conv ${layout.output.join("×")}`
      : `dense ${layout.outputLength}`,
    ciphertextsUp: inputCiphertexts(layout),
    ciphertextsDown: answerCiphertexts(layout),
  };
}
