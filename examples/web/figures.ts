/**
 * The parts of the page that are drawn from data.
 *
 * @module
 */
import { type Confidence, readableShare } from "./confidence.ts";
import { drawGrey } from "./pad.ts";
import type { Headline } from "./wording.ts";

const bins = 64;
const plotSide = 128;
const svgNamespace = "http://www.w3.org/2000/svg";

/** Draws how often each of 64 ranges of values occurs, on a logarithmic scale. */
export function drawHistogram(
  svg: SVGSVGElement,
  values: readonly number[],
  what: string,
): void {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.floor(value * bins / 256)]++;
  const max = Math.max(...counts);
  const width = plotSide / bins;
  const bars = counts.map((count, bin) => {
    const height = plotSide * Math.log1p(count) / Math.log1p(max);
    return `M${bin * width} ${plotSide}v${-height}h${width}v${height}z`;
  });
  const path = document.createElementNS(svgNamespace, "path");
  path.setAttribute("d", bars.join(""));
  svg.replaceChildren(path);
  const used = counts.filter((count) => count > 0).length;
  svg.setAttribute(
    "aria-label",
    `${what}: ${used} of ${bins} ranges of values occur, the commonest ${max} times of ${values.length}`,
  );
}

/** A picture of grey pixels, `side` a row. */
export function greyPicture(
  pixels: readonly number[],
  side: number,
  label: string,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const rows = Math.ceil(pixels.length / side);
  // Whole device pixels for each of its own keep it sharp.
  const zoom = Math.ceil(128 / side);
  canvas.width = zoom * side;
  canvas.height = zoom * rows;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  drawGrey(canvas.getContext("2d")!, pixels, side);
  return canvas;
}

/** The smallest value becomes 0, the largest 255. */
export function scaleToGrey(values: readonly number[]): number[] {
  const low = Math.min(...values), high = Math.max(...values);
  const scale = high > low ? 255 / (high - low) : 0;
  return values.map((value) => (value - low) * scale);
}

/** Ten bars with their shares. */
export function shareBars({ shares, best }: Confidence): HTMLElement[] {
  return shares.map((share, digit) => {
    const bar = element("li", digit === best ? "bar best" : "bar");
    const fill = element("span", "fill");
    fill.style.setProperty("--share", String(share));
    const groove = element("span", "groove");
    groove.append(fill);
    bar.append(
      element("span", "digit", String(digit)),
      groove,
      element("span", "share", readableShare(share)),
    );
    return bar;
  });
}

/** A number that matters, large, above what it counts. */
export function headlineView([number, text]: Headline): HTMLElement {
  const view = element("p", "headline");
  view.append(element("strong", "", number), " ", element("span", "", text));
  return view;
}

/** A row of a table: a heading and cells. */
export function tableRow(
  name: string,
  cells: readonly string[],
): HTMLElement {
  const row = element("tr");
  const heading = element("th", "", name);
  heading.setAttribute("scope", "row");
  row.append(heading, ...cells.map((cell) => element("td", "", cell)));
  return row;
}

/** An element with a class and text. */
export function element(
  name: string,
  className = "",
  text = "",
): HTMLElement {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
