/**
 * One inference as the page tells it: from the digit to the answer.
 *
 * @module
 */
import { groupDigits } from "../../cli/output/numbers.ts";
import { readConfidence } from "./confidence.ts";
import {
  drawHistogram,
  element,
  headlineView,
  shareBars,
  tableRow,
} from "./figures.ts";
import { Guess } from "./guess.ts";
import type {
  AnswerSeen,
  Example,
  HiddenPictures,
  RoundPlanned,
  RoundSeen,
  SumSeen,
  WorkerMessage,
} from "./messages.ts";
import { drawGrey } from "./pad.ts";
import { RoundTrip } from "./round_trip.ts";
import {
  costCells,
  costHeadlines,
  leakageCells,
  type Learnt,
  readableHex,
  sayAnswer,
  sayCiphertext,
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
  "promise",
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
  readonly #bar = find<HTMLProgressElement>("bar");
  readonly #guess = new Guess(
    { left: find("guess-left"), right: find("guess-right") },
    find("guess-result"),
  );
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
    this.#guess.clear();
    this.#bar.max = setting.rounds.length;
    this.#bar.value = 0;
    this.#bar.hidden = false;
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
        this.#bar.value = message.round + 0.25;
        return this.#trip.sent(message.round, message.bytes);
      case "received":
        this.#bar.value = message.round + 0.75;
        return this.#trip.received(message.round);
      case "round":
        this.#bar.value = message.seen.index + 1;
        return this.#showRound(message.seen);
      case "answer":
        this.#bar.hidden = true;
        return this.#showAnswer(message.answer);
      case "hidden":
        return this.#showHidden(message.pictures);
      case "sum":
        return this.#showSum(message.sum);
      case "fault":
        this.#bar.hidden = true;
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
    for (const message of told) {
      if (message.kind !== "sum") this.show(message);
      else if (!("own" in find("adding").dataset)) this.#replaySum(message.sum);
    }
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
    find("promise").textContent =
      "The cloud saw neither the digit nor this answer.";
    find("cost").replaceChildren(
      ...costHeadlines(answer, this.#seen.length).map(headlineView),
    );
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
      learntView("The cloud", learnt.cloud),
      learntView("This browser", learnt.gateway),
    );
    find("equations").hidden = answer.leakage.gateway.rounds.length === 0;
    find("leakage").replaceChildren(
      ...leakageCells(answer.leakage)
        .map((cells, round) => tableRow(String(round + 1), cells)),
    );
  }

  #showHidden(pictures: HiddenPictures): void {
    // Those of the question before came late.
    if (this.#answer.dataset.state === "asking") return;
    this.#guess.show(pictures);
    drawHistogram(
      find("cipher-histogram"),
      pictures.digit,
      "Encrypted pixels",
    );
  }

  #replaySum(sum: SumSeen): void {
    find<HTMLInputElement>("left").value = String(sum.left);
    find<HTMLInputElement>("right").value = String(sum.right);
    this.#showSum(sum);
  }

  #showSum({ ciphertexts, ciphertextBytes, opened }: SumSeen): void {
    find("sum").textContent = String(opened);
    for (
      const [i, id] of ["left-locked", "right-locked", "sum-locked"].entries()
    ) {
      find(id).textContent = `${readableHex(ciphertexts[i])} …`;
    }
    find("locked-bits").textContent = groupDigits(8 * ciphertextBytes);
  }
}

function learntView(title: string, { headline, points }: Learnt): HTMLElement {
  const view = element("div", "view");
  const list = element("ul");
  list.append(...points.map((text) => element("li", "", text)));
  view.append(element("h3", "", title), headlineView(headline), list);
  return view;
}
