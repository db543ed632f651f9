/**
 * One inference as the page tells it: from the digit to the answer.
 *
 * @module
 */
import { readConfidence } from "./confidence.ts";
import { drawHistogram, element, shareBars, tableRow } from "./figures.ts";
import type {
  AnswerSeen,
  Example,
  RoundPlanned,
  RoundSeen,
  WorkerMessage,
} from "./messages.ts";
import { drawGrey } from "./pad.ts";
import { RoundTrip } from "./round_trip.ts";
import {
  costCells,
  leakageCells,
  sayAnswer,
  sayCiphertext,
  sayCost,
  sayLearnt,
  sayWork,
} from "./wording.ts";

/** What is the same for every question to one cloud. */
export interface Setting {
  kernel: string;
  sealed: boolean;
  rounds: RoundPlanned[];
}

/** Elements that hold what belongs to one inference. */
const filled = [
  "scores",
  "cost",
  "cipher-histogram",
  "learnt",
  "leakage",
  "work",
  "costs",
  "samples-of-rounds",
];

/** Finds an element of the page. */
export function find<E extends Element = HTMLElement>(id: string): E {
  return document.getElementById(id) as unknown as E;
}

/** Shows an inference while it runs, or again. */
export class Story {
  readonly #trip = new RoundTrip(find("rounds"));
  readonly #answer = find<HTMLOutputElement>("answer");
  #setting: Setting = {
    kernel: "",
    sealed: false,
    rounds: [],
  };
  #seen: RoundSeen[] = [];

  /** Clears the page for a question about `picture`. */
  begin(picture: readonly number[], setting: Setting): void {
    this.#setting = setting;
    this.#seen = [];
    delete document.body.dataset.example;
    this.#trip.start(picture, setting.rounds, setting.sealed);
    for (const id of filled) find(id).replaceChildren();
    const cipher = find<HTMLCanvasElement>("cipher-picture");
    cipher.getContext("2d")!.clearRect(0, 0, cipher.width, cipher.height);
    this.#answer.dataset.state = "asking";
    find("answer-digit").textContent = "…";
    find("answer-text").textContent = "The cloud is asked.";
    const canvas = find<HTMLCanvasElement>("plain-picture");
    drawGrey(canvas.getContext("2d")!, picture, 28);
    drawHistogram(find("plain-histogram"), picture, "Grey values of the digit");
  }

  /** Shows what the gateway told. */
  show(message: WorkerMessage): void {
    switch (message.kind) {
      case "sent":
        return this.#trip.sent(message.round);
      case "received":
        return this.#trip.received(message.round);
      case "round":
        return this.#showRound(message.seen);
      case "answer":
        return this.#showAnswer(message.answer);
      case "ciphertextPicture":
        return this.#showCiphertexts(message.residues);
      case "fault":
        this.#trip.stop();
        if (this.#answer.dataset.state !== "asking") return;
        this.#answer.dataset.state = "none";
        find("answer-digit").textContent = "?";
        find("answer-text").textContent = "There is no answer.";
    }
  }

  /** Shows the inference that ran when the page was built, marked as such. */
  replay({ builtAt, picture, told }: Example): void {
    const ready = told.find((message) => message.kind === "ready");
    if (!ready) return;
    this.begin(picture, ready);
    for (const message of told) this.show(message);
    document.body.dataset.example = "";
    const day = new Date(builtAt).toLocaleDateString("en-GB", {
      day: "numeric",
      month: "long",
      year: "numeric",
    });
    for (const built of document.querySelectorAll(".built")) {
      built.textContent = `, on ${day}`;
    }
  }

  #showRound(seen: RoundSeen): void {
    this.#seen.push(seen);
    this.#trip.show(seen);
    const { layer } = this.#setting.rounds[seen.index];
    find("costs").append(
      tableRow(`${seen.index + 1} ${layer}`, costCells(seen)),
    );
    find("samples-of-rounds").append(
      element("p", "hex", sayCiphertext(seen)),
    );
  }

  #showAnswer(answer: AnswerSeen): void {
    const confidence = answer.scores && readConfidence(answer.scores);
    const isSure = confidence?.isSure ?? true;
    find("answer-digit").textContent = isSure ? String(answer.predicted) : "?";
    find("answer-text").textContent = sayAnswer(answer.predicted, confidence);
    find("cost").textContent = sayCost(answer, this.#seen.length);
    this.#answer.dataset.state = isSure ? "done" : "unsure";
    find("scores").replaceChildren(
      ...confidence ? shareBars(confidence) : [],
    );
    find("work").textContent = sayWork(
      this.#seen.map(({ report }) => report),
      this.#setting.kernel,
      answer.threads,
    );
    const learnt = sayLearnt(answer.leakage);
    find("learnt").replaceChildren(
      pointsView("The cloud", learnt.cloud),
      pointsView("This browser", learnt.gateway),
    );
    find("equations").hidden = answer.leakage.gateway.rounds.length === 0;
    find("leakage").replaceChildren(
      ...leakageCells(answer.leakage)
        .map((cells, round) => tableRow(String(round + 1), cells)),
    );
  }

  #showCiphertexts(residues: number[]): void {
    const canvas = find<HTMLCanvasElement>("cipher-picture");
    drawGrey(canvas.getContext("2d")!, residues, 28);
    drawHistogram(find("cipher-histogram"), residues, "Encrypted pixels");
  }
}

function pointsView(title: string, points: string[]): HTMLElement {
  const view = element("div", "view");
  const list = element("ul");
  list.append(...points.map((text) => element("li", "", text)));
  view.append(element("h3", "", title), list);
  return view;
}
