/**
 * The round trips, drawn as they happen: ciphertexts leave, sums return.
 *
 * @module
 */
import { groupDigits, readableBytes } from "../../cli/output/numbers.ts";
import { element, greyPicture, scaleToGrey } from "./figures.ts";
import type { RoundPlanned, RoundSeen } from "./messages.ts";

/** Ciphertexts that one square stands for. */
const ciphertextsPerCell = 10;

type RoundState = "waiting" | "leaving" | "returning" | "done";

/** One row a round: this browser on the left, the cloud on the right. */
export class RoundTrip {
  readonly #list: HTMLElement;
  #rows: HTMLElement[] = [];
  #rounds: readonly RoundPlanned[] = [];
  #sealed = false;

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  /** Draws the digit and all rounds before they begin. */
  start(
    picture: readonly number[],
    rounds: readonly RoundPlanned[],
    sealed: boolean,
  ): void {
    this.#rounds = rounds;
    this.#sealed = sealed;
    this.#rows = rounds.map(waitingRow);
    const first = element("li", "departure");
    first.append(
      greyPicture(picture, 28, "The digit"),
      element("span", "", "Your digit is encrypted here."),
    );
    this.#list.replaceChildren(first, ...this.#rows);
  }

  /** Ciphertexts of a round have left; what comes back is not there yet. */
  sent(round: number, bytes: readonly number[]): void {
    this.#showSent(round, bytes);
    this.#enter(round, "leaving");
  }

  /** Sums of a round have begun to arrive. */
  received(round: number): void {
    this.#enter(round, "returning");
  }

  /** A round has ended: shows what each side had of it. */
  show({ index, report, cloud, gateway }: RoundSeen): void {
    const row = this.#rows[index];
    const { ciphertextsUp, ciphertextsDown } = this.#rounds[index];
    const [channels, height = 1, width = 1] = gateway.shape;
    const what = this.#sealed ? "noise" : "sums";
    const isMaps = height * width > 1;
    const opened = isMaps
      ? mapsView(gateway.values, height, width, this.#sealed)
      : greyPicture(
        scaleToGrey(gateway.values),
        columnsOf(gateway.values.length),
        `${groupDigits(channels)} ${what}, drawn as shades`,
      );
    const sums = channels * height * width;
    find(row, ".here").replaceChildren(
      opened,
      element(
        "small",
        "",
        this.#sealed ? what : `${groupDigits(sums)} ${what}`,
      ),
    );
    this.#showSent(index, cloud.bytes);
    caption(row, ".up", ciphertextsUp, report.bytesUp);
    caption(row, ".down", ciphertextsDown, report.bytesDown);
    this.#enter(index, "done");
  }

  /** Stops what moves. */
  stop(): void {
    for (const row of this.#rows) {
      if (row.dataset.state !== "done") row.dataset.state = "waiting";
    }
  }

  #showSent(round: number, bytes: readonly number[]): void {
    find(this.#rows[round], ".there").replaceChildren(
      greyPicture(bytes, 32, "Encrypted numbers, drawn as shades: noise"),
      element("small", "", `layer ${round + 1}`),
    );
  }

  #enter(round: number, state: RoundState): void {
    const row = this.#rows[round];
    if (row) row.dataset.state = state;
  }
}

function waitingRow(
  { ciphertextsUp, ciphertextsDown }: RoundPlanned,
  index: number,
): HTMLElement {
  const row = element("li", "round");
  row.dataset.state = "waiting" satisfies RoundState;
  const lanes = element("div", "lanes");
  lanes.append(lane("up", ciphertextsUp), lane("down", ciphertextsDown));
  const there = element("div", "there");
  there.append(
    element("div", "blank"),
    element("small", "", `layer ${index + 1}`),
  );
  const here = element("div", "here");
  here.append(element("div", "blank"), element("small", "", "\u00a0"));
  row.append(here, lanes, there);
  return row;
}

function lane(direction: "up" | "down", ciphertexts: number): HTMLElement {
  const made = element("div", `lane ${direction}`);
  const track = element("div", "track");
  track.setAttribute("aria-hidden", "true");
  const cells = element("div", "cells");
  const count = Math.ceil(ciphertexts / ciphertextsPerCell);
  for (let cell = 0; cell < count; cell++) {
    cells.append(element("i", `cell ${direction}`));
  }
  track.append(cells);
  made.append(
    element("p", "", `${groupDigits(ciphertexts)} ${nameOf(direction)}`),
    track,
  );
  return made;
}

const nameOf = (direction: "up" | "down") =>
  direction === "up" ? "leave" : "return";

function caption(
  row: HTMLElement,
  lane: ".up" | ".down",
  ciphertexts: number,
  bytes: number,
): void {
  const direction = lane === ".up" ? "up" : "down";
  find(row, `.lane${lane} p`).textContent = `${groupDigits(ciphertexts)} ${
    nameOf(direction)
  }, ${readableBytes(bytes)}`;
}

function mapsView(
  values: readonly number[],
  height: number,
  width: number,
  sealed: boolean,
): HTMLElement {
  const grid = element("div", "maps");
  grid.setAttribute("role", "img");
  grid.setAttribute(
    "aria-label",
    sealed
      ? "Noise, where an open network's sums would show the digit"
      : "Sums as pictures: the digit shows in them",
  );
  for (let at = 0; at < values.length; at += height * width) {
    const one = values.slice(at, at + height * width);
    const map = greyPicture(scaleToGrey(one), width, "");
    map.removeAttribute("role");
    grid.append(map);
  }
  return grid;
}

/** Columns of the fullest rectangle that is at least as wide as high. */
function columnsOf(count: number): number {
  let columns = Math.ceil(Math.sqrt(count));
  while (count % columns !== 0) columns++;
  return columns;
}

function find(row: HTMLElement, selector: string): HTMLElement {
  return row.querySelector<HTMLElement>(selector)!;
}
