import { fitDigit } from "../digits/fit.ts";

type Point = [x: number, y: number];

/** Radius of the pen, as a fraction of the pad's side. */
const penRadius = 0.04;

/**
 * A canvas to draw a digit on, by mouse, pen or finger; or to show one that was
 * picked. White ink on black, as MNIST has it.
 */
export class DrawingPad {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #changed: () => void;
  /** In fractions of the side. */
  #strokes: Point[][] = [];
  #picked: Uint8Array | null = null;
  #finished = false;

  /** @param changed is told whenever what the pad shows has changed */
  constructor(canvas: HTMLCanvasElement, changed: () => void) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true })!;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.#start(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.#draw();
  }

  /** Whether there is nothing on the pad. */
  get isEmpty(): boolean {
    return this.#strokes.length === 0 && this.#picked === null;
  }

  clear(): void {
    this.#strokes = [];
    this.#picked = null;
    this.#draw();
    this.#changed();
  }

  /** Shows a picture of 28 x 28 pixels in place of what was drawn. */
  pick(picture: Uint8Array): void {
    this.#strokes = [];
    this.#picked = picture;
    this.#draw();
    this.#changed();
  }

  /**
   * The digit as 784 values in [0, 255]: the picked one as it is, a drawn one fitted
   * as MNIST's were. The next stroke begins another one.
   */
  take(): Uint8Array {
    this.#finished = true;
    if (this.#picked) return this.#picked;
    const { width, height } = this.#canvas;
    const { data } = this.#context.getImageData(0, 0, width, height);
    const pixels = Uint8Array.from(
      { length: width * height },
      (_, pixel) => data[4 * pixel],
    );
    return fitDigit({ width, height, pixels });
  }

  #start(event: PointerEvent): void {
    if (event.button !== 0) return;
    if (this.#finished) this.#strokes = [];
    this.#finished = false;
    this.#picked = null;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#strokes.push([this.#at(event)]);
    this.#draw();
    this.#changed();
  }

  #move(event: PointerEvent): void {
    if (!this.#canvas.hasPointerCapture(event.pointerId)) return;
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length > 0 ? events : [event])
      .map((each) => this.#at(each));
    this.#strokes.at(-1)!.push(...points);
    this.#draw();
  }

  #at({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  }

  #draw(): void {
    const { width } = this.#canvas;
    const context = this.#context;
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, width);
    if (this.#picked) drawGrey(context, this.#picked, 28);
    context.strokeStyle = "#fff";
    context.lineWidth = 2 * penRadius * width;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.#strokes) {
      context.beginPath();
      const [first, ...others] = stroke;
      context.moveTo(first[0] * width, first[1] * width);
      // A tap is a dot.
      for (const [x, y] of others.length > 0 ? others : [first]) {
        context.lineTo(x * width, y * width);
      }
      context.stroke();
    }
  }
}

/** Fills a square canvas with a picture of `side` x `side` grey pixels, unsmoothed. */
export function drawGrey(
  context: CanvasRenderingContext2D,
  pixels: Uint8Array,
  side: number,
): void {
  const image = new ImageData(side, Math.ceil(pixels.length / side));
  pixels.forEach((value, pixel) => {
    image.data.fill(value, 4 * pixel, 4 * pixel + 3);
    image.data[4 * pixel + 3] = 255;
  });
  const small = new OffscreenCanvas(image.width, image.height);
  small.getContext("2d")!.putImageData(image, 0, 0);
  const { width, height } = context.canvas;
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, width, height);
}
