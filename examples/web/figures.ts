/** Everything on the page that is drawn from data. */
import { groupDigits } from "../../cli/output/numbers.ts";
import type { RoundSeen } from "./messages.ts";
import { drawGrey } from "./pad.ts";

const bins = 64;
const plotSide = 128;
const maxMaps = 8;
const svgNamespace = "http://www.w3.org/2000/svg";

/** Draws how often each of 64 ranges of values occurs, on a logarithmic scale. */
export function drawHistogram(
  svg: SVGSVGElement,
  values: Uint8Array,
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

/** What the cloud received in a round: bytes of a ciphertext, in hex and as a picture. */
export function cloudView({ cloud, report }: RoundSeen): HTMLElement {
  const view = element("div", "view");
  const bits = 8 * cloud.ciphertextBytes;
  view.append(
    element("h4", "", "The cloud saw"),
    element(
      "p",
      "",
      `${groupDigits(report.ciphertextsUp)} numbers of ${
        groupDigits(bits)
      } bits. The first begins:`,
    ),
  );
  const code = element(
    "code",
    "hex",
    inHex(cloud.bytes) + " …",
  );
  view.append(code);
  return view;
}

/** What the gateway decrypted in a round: maps of a convolution, or a row of values. */
export function gatewayView({ gateway }: RoundSeen): HTMLElement {
  const view = element("div", "view");
  const { shape, values } = gateway;
  const [channels, height = 1, width = 1] = shape;
  view.append(element("h4", "", "The gateway saw"));
  if (height * width > 1) {
    view.append(
      element(
        "p",
        "",
        `${channels} maps of ${height} × ${width} sums, in an order that is new each time. ${maxMaps} of them:`,
      ),
      featureMaps(values, channels, height, width),
    );
  } else {
    const shown = Array.from(
      values.subarray(0, 24),
      (value) => groupDigits(value),
    );
    const more = values.length > shown.length ? " …" : "";
    view.append(
      element("p", "", `${groupDigits(values.length)} sums:`),
      element("code", "sums", shown.join("  ") + more),
    );
  }
  return view;
}

function featureMaps(
  values: Float64Array,
  channels: number,
  height: number,
  width: number,
): HTMLElement {
  const row = element("div", "maps");
  row.setAttribute("role", "img");
  row.setAttribute("aria-label", "Feature maps in which the digit shows");
  for (let map = 0; map < Math.min(channels, maxMaps); map++) {
    const one = values.subarray(
      map * height * width,
      (map + 1) * height * width,
    );
    const low = Math.min(...one), high = Math.max(...one);
    const scale = high > low ? 255 / (high - low) : 0;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 78;
    drawGrey(
      canvas.getContext("2d")!,
      Uint8Array.from(one, (value) => (value - low) * scale),
      width,
    );
    row.append(canvas);
  }
  return row;
}

/** What a side could learn of the inference, in the words of the leakage report. */
export function learntView(title: string, learns: string[]): HTMLElement {
  const view = element("div", "view");
  const list = element("ul");
  list.append(...learns.map((text) => element("li", "", text)));
  view.append(element("h3", "", title), list);
  return view;
}

/** Ten bars, the longest for the best score. */
export function scoreBars(scores: number[]): HTMLElement[] {
  const low = Math.min(...scores), high = Math.max(...scores);
  return scores.map((score, digit) => {
    const bar = element("div", score === high ? "bar best" : "bar");
    const fill = element("span", "fill");
    fill.style.setProperty(
      "--share",
      String((score - low) / (high - low || 1)),
    );
    bar.append(element("span", "digit", String(digit)), fill);
    return bar;
  });
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

function inHex(bytes: Uint8Array): string {
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  return pairs.join("").replace(/.{8}(?=.)/g, "$& ");
}
