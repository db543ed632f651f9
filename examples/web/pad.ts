/**
 * The drawing pad, for mouse, pen, finger and keyboard.
 *
 * @module
 */
import { type Drawing, findFault, fitDrawing, type Point } from "./drawing.ts";

/** Radius of the pen, as a fraction of the pad's side. */
const penRadius = 0.04;
/** How far an arrow key moves the pen, as a fraction of the side. */
const keyStep = 0.04;

const arrows: Record<string, Point> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** What the pad tells the page. */
export interface PadListener {
  /** What the pad shows has changed. */
  changed(): void;
  /** A stroke has ended, or another picture is shown. */
  settled(): void;
  /** What the keyboard has just done, in words. */
  announce(text: string): void;
}

/** A canvas to draw a digit on, or to show one that was picked: white ink on black. */
export class DrawingPad {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #listener: PadListener;
  #strokes: Point[][] = [];
  #picked: number[] | null = null;
  #isTaken = false;
  /** Where the keyboard's pen is, and whether it draws. */
  #pen: Point = [0.5, 0.5];
  #isPenDown = false;

  constructor(canvas: HTMLCanvasElement, listener: PadListener) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d")!;
    this.#listener = listener;
    canvas.addEventListener("pointerdown", (event) => this.#start(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("lostpointercapture", () => listener.settled());
    canvas.addEventListener("keydown", (event) => this.#press(event));
    canvas.addEventListener("focus", () => this.#draw());
    canvas.addEventListener("blur", () => this.#liftPen());
    this.#draw();
  }

  get isEmpty(): boolean {
    return this.#strokes.length === 0 && this.#picked === null;
  }

  /** Why what the pad shows cannot be a digit; null if it may be one. */
  get fault(): string | null {
    return this.#picked ? null : findFault(this.#strokes);
  }

  /**
   * The digit as 784 values in [0, 255]: the picked one as it is, a drawn one fitted
   * as MNIST's were; null of an empty pad.
   */
  get picture(): number[] | null {
    if (this.#picked) return this.#picked;
    return this.#strokes.length > 0 ? [...fitDrawing(this.#strokes)] : null;
  }

  /** The next stroke begins another digit. */
  finish(): void {
    this.#isTaken = true;
  }

  clear(): void {
    this.#show([], null);
  }

  /** Shows a picture of 28 x 28 pixels in place of what was drawn. */
  pick(picture: number[]): void {
    this.#show([], picture);
  }

  #show(strokes: Point[][], picked: number[] | null): void {
    this.#strokes = strokes;
    this.#picked = picked;
    this.#isPenDown = false;
    this.#draw();
    this.#listener.changed();
    this.#listener.settled();
  }

  #beginStroke(point: Point): void {
    if (this.#isTaken) this.#strokes = [];
    this.#isTaken = false;
    this.#picked = null;
    this.#strokes.push([point]);
    this.#draw();
    this.#listener.changed();
  }

  #start(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#isPenDown = false;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#beginStroke(this.#at(event));
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

  #press(event: KeyboardEvent): void {
    const arrow = arrows[event.key];
    if (arrow) this.#movePen(arrow, event.shiftKey ? 3 * keyStep : keyStep);
    else if (event.key === " " || event.key === "Enter") this.#togglePen();
    else if (event.key === "Delete" || event.key === "Backspace") {
      this.clear();
      this.#listener.announce("The pad is empty.");
    } else return;
    event.preventDefault();
  }

  #movePen([x, y]: Point, step: number): void {
    const move = (from: number, by: number) =>
      Math.min(Math.max(from + by * step, penRadius), 1 - penRadius);
    this.#pen = [move(this.#pen[0], x), move(this.#pen[1], y)];
    if (this.#isPenDown) this.#strokes.at(-1)!.push(this.#pen);
    this.#draw();
    const [across, down] = this.#pen.map((part) => Math.round(100 * part));
    this.#listener.announce(`${across} across, ${down} down`);
  }

  #togglePen(): void {
    if (this.#isPenDown) {
      this.#liftPen();
      this.#listener.announce("Pen up");
    } else {
      this.#isPenDown = true;
      this.#beginStroke(this.#pen);
      this.#listener.announce("Pen down: arrow keys draw");
    }
  }

  #liftPen(): void {
    const wasDown = this.#isPenDown;
    this.#isPenDown = false;
    this.#draw();
    if (wasDown) this.#listener.settled();
  }

  #draw(): void {
    const { width } = this.#canvas;
    const context = this.#context;
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, width);
    if (this.#picked) drawGrey(context, this.#picked, 28);
    this.#drawStrokes(this.#strokes);
    if (this.#canvas.matches(":focus-visible")) this.#drawPen();
  }

  #drawStrokes(drawing: Drawing): void {
    const { width } = this.#canvas;
    const context = this.#context;
    context.strokeStyle = "#fff";
    context.lineWidth = 2 * penRadius * width;
    context.lineCap = context.lineJoin = "round";
    for (const [first, ...others] of drawing) {
      context.beginPath();
      context.moveTo(first[0] * width, first[1] * width);
      // A tap is a dot.
      for (const [x, y] of others.length > 0 ? others : [first]) {
        context.lineTo(x * width, y * width);
      }
      context.stroke();
    }
  }

  /** A ring where the keyboard's pen is, filled while it draws. */
  #drawPen(): void {
    const { width } = this.#canvas;
    const context = this.#context;
    const [x, y] = this.#pen;
    context.beginPath();
    context.arc(x * width, y * width, penRadius * width, 0, 2 * Math.PI);
    context.fillStyle = context.strokeStyle = "#6cb6ff";
    context.lineWidth = 3;
    if (this.#isPenDown) context.fill();
    context.stroke();
  }
}

/** Fills a canvas with a picture of `side` grey pixels a row, unsmoothed. */
export function drawGrey(
  context: CanvasRenderingContext2D,
  pixels: ArrayLike<number>,
  side: number,
): void {
  const image = new ImageData(side, Math.ceil(pixels.length / side));
  for (let pixel = 0; pixel < pixels.length; pixel++) {
    image.data.fill(pixels[pixel], 4 * pixel, 4 * pixel + 3);
    image.data[4 * pixel + 3] = 255;
  }
  const small = new OffscreenCanvas(image.width, image.height);
  small.getContext("2d")!.putImageData(image, 0, 0);
  const { width, height } = context.canvas;
  context.imageSmoothingEnabled = false;
  context.clearRect(0, 0, width, height);
  context.drawImage(small, 0, 0, width, height);
}
