/** The page: drawing, asking, and showing what came of it. */
import { groupDigits, readableBytes } from "../../cli/output/numbers.ts";
import { digitSample } from "../digits/samples.ts";
import {
  cloudView,
  drawHistogram,
  element,
  gatewayView,
  learntView,
  scoreBars,
} from "./figures.ts";
import type { PageMessage, RoundSeen, WorkerMessage } from "./messages.ts";
import { drawGrey, DrawingPad } from "./pad.ts";

const find = <E extends Element>(id: string) =>
  document.getElementById(id) as unknown as E;
const ask = find<HTMLButtonElement>("ask");
const insecure = find<HTMLInputElement>("insecure");
const status = find<HTMLElement>("status");
const answer = find<HTMLOutputElement>("answer");
const samples = find<HTMLFieldSetElement>("samples");

/** Elsewhere with `?functions=https://...`, else where the page comes from. */
const functionsUrl = new URLSearchParams(location.search).get("functions") ??
  new URL(".", location.href).href;

let state: "opening" | "ready" | "asking" | "failed" = "opening";

const pad = new DrawingPad(find("pad"), () => {
  for (const button of samples.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", "false");
  }
  showControls();
});

const worker = new Worker(new URL("gateway_worker.js", import.meta.url), {
  type: "module",
});
const send = (message: PageMessage) => worker.postMessage(message);

worker.addEventListener("message", ({ data }: MessageEvent<WorkerMessage>) => {
  switch (data.kind) {
    case "status":
      status.textContent = `${data.text} …`;
      break;
    case "ready":
      showKey(data);
      enter("ready", "Ready. The key is in this browser.");
      break;
    case "round":
      showRound(data.seen);
      break;
    case "answer":
      showAnswer(data);
      break;
    case "ciphertextPicture":
      showCiphertexts(data.residues);
      enter("ready", "Done. Draw another one.");
      break;
    case "fault":
      answer.dataset.state = "none";
      enter("failed", data.text);
      break;
  }
});
worker.addEventListener(
  "error",
  () => enter("failed", "The gateway could not start in this browser."),
);

ask.addEventListener("click", () => {
  if (state === "failed") return open();
  const picture = pad.take();
  showPicture(picture);
  find("rounds").replaceChildren();
  find("totals").replaceChildren();
  find("views").replaceChildren();
  find("leakage").replaceChildren();
  find("scores").replaceChildren();
  answer.dataset.state = "asking";
  find("answer-digit").textContent = "…";
  find("answer-text").textContent = "";
  find("status").scrollIntoView({ block: "nearest" });
  enter("asking", "Encrypting …");
  send({ kind: "ask", picture });
});
find("clear").addEventListener("click", () => pad.clear());
insecure.addEventListener("change", open);

function open(): void {
  enter("opening", "Starting …");
  send({ kind: "open", url: functionsUrl, insecure: insecure.checked });
}

function enter(next: typeof state, text: string): void {
  state = next;
  status.textContent = text;
  status.classList.toggle("fault", state === "failed");
  showControls();
}

function showControls(): void {
  ask.textContent = state === "failed" ? "Try again" : "Ask the cloud";
  ask.disabled = state !== "failed" && (state !== "ready" || pad.isEmpty);
  insecure.disabled = state === "opening" || state === "asking";
}

function showKey(
  { keyBits, fingerprint, kernel, model }: WorkerMessage & { kind: "ready" },
): void {
  const key = find("key");
  key.textContent = `${keyBits}-bit key ${
    fingerprint.slice(0, 16)
  }, ${kernel} kernel, model ${model}`;
  key.classList.toggle("insecure", keyBits < 2048);
}

function showPicture(picture: Uint8Array): void {
  const canvas = find<HTMLCanvasElement>("plain-picture");
  drawGrey(canvas.getContext("2d")!, picture, 28);
  drawHistogram(find("plain-histogram"), picture, "Grey values of the digit");
}

function showCiphertexts(residues: Uint8Array): void {
  const canvas = find<HTMLCanvasElement>("cipher-picture");
  drawGrey(canvas.getContext("2d")!, residues, 28);
  drawHistogram(
    find("cipher-histogram"),
    residues,
    "Ciphertexts modulo 256",
  );
}

function showRound(seen: RoundSeen): void {
  const { report, layer, index } = seen;
  const name = `${index + 1} ${layer}`;
  find("rounds").append(tableRow(name, [
    readableBytes(report.bytesUp),
    readableBytes(report.bytesDown),
    ...[report.encryptMs, report.evaluateMs, report.decryptMs, report.totalMs]
      .map((ms) => `${groupDigits(ms)} ms`),
  ]));
  const item = element("li");
  const views = element("div", "pair");
  views.append(cloudView(seen), gatewayView(seen));
  item.append(element("h3", "", `Round ${name}`), views);
  find("views").append(item);
}

function tableRow(name: string, cells: string[]): HTMLElement {
  const row = element("tr");
  const heading = element("th", "", name);
  heading.setAttribute("scope", "row");
  // Phones have no room for the parts of the time.
  row.append(
    heading,
    ...cells.map((cell, i) =>
      element("td", i > 1 && i < cells.length - 1 ? "wide" : "", cell)
    ),
  );
  return row;
}

function showAnswer(
  { predicted, scores, totalMs, bytesUp, bytesDown, leakage }: WorkerMessage & {
    kind: "answer";
  },
): void {
  const seconds = (totalMs / 1000).toFixed(2);
  find("answer-digit").textContent = String(predicted);
  find("answer-text").textContent =
    `The cloud, blind, says ${predicted}, after ${seconds} s.`;
  answer.dataset.state = "done";
  if (scores) find("scores").replaceChildren(...scoreBars(scores));
  find("totals").replaceChildren(tableRow("All", [
    readableBytes(bytesUp),
    readableBytes(bytesDown),
    "",
    "",
    "",
    `${groupDigits(totalMs)} ms`,
  ]));
  find("leakage").replaceChildren(
    learntView("The cloud could learn", leakage.cloud.learns),
    learntView("The gateway could learn", leakage.gateway.learns),
  );
  status.textContent = "Encrypting each pixel, for the figure …";
}

/** One button for each digit, with the picture that it chooses. */
function offerSamples(): void {
  for (let digit = 0; digit < 10; digit++) {
    const { picture } = digitSample(digit);
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `Use a handwritten ${digit}`);
    button.setAttribute("aria-pressed", "false");
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 56;
    drawGrey(canvas.getContext("2d")!, picture, 28);
    button.append(canvas);
    button.addEventListener("click", () => {
      pad.pick(picture);
      button.setAttribute("aria-pressed", "true");
    });
    samples.append(button);
  }
}

offerSamples();
open();
