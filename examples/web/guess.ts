/**
 * The reader's guess which of two encrypted pictures holds the digit.
 *
 * @module
 */
import type { HiddenPictures } from "./messages.ts";
import { drawGrey } from "./pad.ts";
import { sayGuess } from "./wording.ts";

const sides = ["left", "right"] as const;
type Side = typeof sides[number];

/** One of the two pictures. */
interface Tile {
  button: HTMLButtonElement;
  canvas: HTMLCanvasElement;
  caption: HTMLElement;
}

/** Two pictures, one of them an empty sheet; which is drawn by lot each time. */
export class Guess {
  readonly #tiles: Record<Side, Tile>;
  readonly #result: HTMLElement;
  #digit: Side = "left";
  #hits = 0;
  #tries = 0;

  /**
   * @param figures hold a button with a canvas, and a caption each
   * @param result where the outcome is shown
   */
  constructor(figures: Record<Side, HTMLElement>, result: HTMLElement) {
    this.#tiles = { left: tileOf(figures.left), right: tileOf(figures.right) };
    this.#result = result;
    for (const side of sides) {
      const { button } = this.#tiles[side];
      button.addEventListener("click", () => this.#choose(side));
    }
    this.clear();
  }

  /** Until there are pictures. */
  clear(): void {
    for (const { button, canvas, caption } of Object.values(this.#tiles)) {
      button.disabled = true;
      delete button.dataset.holds;
      canvas.getContext("2d")!.clearRect(0, 0, canvas.width, canvas.height);
      caption.textContent = "\u00a0";
    }
    this.#result.textContent = "";
  }

  /** Shows two pictures to choose from. */
  show({ digit, empty }: HiddenPictures): void {
    this.clear();
    const [bit] = crypto.getRandomValues(new Uint8Array(1));
    this.#digit = sides[bit & 1];
    for (const side of sides) {
      const { button, canvas, caption } = this.#tiles[side];
      drawGrey(
        canvas.getContext("2d")!,
        side === this.#digit ? digit : empty,
        28,
      );
      button.disabled = false;
      caption.textContent = `The ${side} one`;
    }
  }

  #choose(chosen: Side): void {
    this.#tries++;
    if (chosen === this.#digit) this.#hits++;
    for (const side of sides) {
      const { button, caption } = this.#tiles[side];
      const holds = side === this.#digit ? "digit" : "empty";
      button.disabled = true;
      button.dataset.holds = holds;
      caption.textContent = holds === "digit" ? "The digit" : "Empty sheet";
    }
    this.#result.textContent = sayGuess(
      chosen === this.#digit,
      this.#hits,
      this.#tries,
    );
  }
}

function tileOf(figure: HTMLElement): Tile {
  return {
    button: figure.querySelector("button")!,
    canvas: figure.querySelector("canvas")!,
    caption: figure.querySelector("figcaption")!,
  };
}
