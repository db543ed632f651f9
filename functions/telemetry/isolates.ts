/**
 * Collects the metrics of all isolates of a process.
 *
 * @module
 */
import type { MetricsSnapshot } from "./prometheus.ts";

type Message =
  | { kind: "hello" | "here"; from: string }
  | { kind: "ask"; from: string; question: number }
  | {
    kind: "tell";
    from: string;
    to: string;
    question: number;
    snapshot: MetricsSnapshot;
  };

interface Question {
  /** Isolates that have not answered yet. */
  missing: Set<string>;
  snapshots: MetricsSnapshot[];
  answered: PromiseWithResolvers<void>;
}

/**
 * The isolates of one process (`deno serve --parallel`), each of which counts its
 * own calls: whichever is asked for metrics asks the others and gives the sum. A
 * sum in which one of them is missing would look like a counter that went back,
 * so there is none then.
 */
export class Isolates {
  readonly #id = crypto.randomUUID();
  readonly #channel: BroadcastChannel;
  readonly #others = new Set<string>();
  readonly #questions = new Map<number, Question>();
  readonly #own: () => Promise<MetricsSnapshot>;
  #asked = 0;

  constructor(name: string, own: () => Promise<MetricsSnapshot>) {
    this.#own = own;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) =>
      void this.#hear(data);
    this.#say({ kind: "hello", from: this.#id });
  }

  /**
   * Everybody's snapshot, one's own first.
   *
   * @throws {Error} if another isolate does not answer in time
   */
  async snapshots(timeoutMs: number): Promise<MetricsSnapshot[]> {
    const question = ++this.#asked;
    const pending: Question = {
      missing: new Set(this.#others),
      snapshots: [await this.#own()],
      answered: Promise.withResolvers(),
    };
    if (pending.missing.size === 0) return pending.snapshots;
    this.#questions.set(question, pending);
    const timer = setTimeout(
      () =>
        pending.answered.reject(
          new Error(
            `Cannot add up metrics: ${pending.missing.size} isolates gave no answer within ${timeoutMs} ms`,
          ),
        ),
      timeoutMs,
    );
    try {
      this.#say({ kind: "ask", from: this.#id, question });
      await pending.answered.promise;
      return pending.snapshots;
    } finally {
      clearTimeout(timer);
      this.#questions.delete(question);
    }
  }

  close(): void {
    this.#channel.close();
  }

  async #hear(message: Message): Promise<void> {
    const { from } = message;
    this.#others.add(from);
    if (message.kind === "hello") {
      this.#say({ kind: "here", from: this.#id });
    } else if (message.kind === "ask") {
      this.#say({
        kind: "tell",
        from: this.#id,
        to: from,
        question: message.question,
        snapshot: await this.#own(),
      });
    } else if (message.kind === "tell" && message.to === this.#id) {
      const pending = this.#questions.get(message.question);
      if (!pending?.missing.delete(from)) return;
      pending.snapshots.push(message.snapshot);
      if (pending.missing.size === 0) pending.answered.resolve();
    }
  }

  #say(message: Message): void {
    this.#channel.postMessage(message);
  }
}
