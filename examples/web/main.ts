/**
 * The page: drawing, agreeing, asking.
 *
 * @module
 */
import { groupDigits } from "../../cli/output/numbers.ts";
import { functionsAddress } from "./functions_address.ts";
import type { Example, PageMessage, WorkerMessage } from "./messages.ts";
import { drawGrey, DrawingPad } from "./pad.ts";
import { find, type Setting, Story } from "./story.ts";

const ask = find<HTMLButtonElement>("ask");
const insecure = find<HTMLInputElement>("insecure");
const sealed = find<HTMLInputElement>("sealed");
const status = find("status");
const samples = find<HTMLFieldSetElement>("samples");
const dialog = find<HTMLDialogElement>("confirm");
const adding = find<HTMLFieldSetElement>("adding-numbers");
const addends = ["left", "right"].map((id) => find<HTMLInputElement>(id));
const again = find<HTMLButtonElement>("again");

const functions = functionsAddress(new URL(location.href));
const story = new Story();

/** "closed": no cloud has been agreed on. */
let state: "closed" | "opening" | "ready" | "asking" | "failed" = "closed";
let setting: Setting | null = null;
let hasAsked = false;
/** Whether the digit is to be asked as soon as the key is ready. */
let isWaiting = false;
/** What was asked last, else the example's. */
let asked: number[] | null = null;

const pad = new DrawingPad(find("pad"), {
  changed() {
    find("hint").hidden = !pad.isEmpty;
    for (const button of samples.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", "false");
    }
  },
  settled: showFitted,
  announce: (text) => find("pen").textContent = text,
});

const worker = new Worker(new URL("gateway_worker.js", import.meta.url), {
  type: "module",
});
const send = (message: PageMessage) => worker.postMessage(message);

worker.addEventListener("message", ({ data }: MessageEvent<WorkerMessage>) => {
  if (data.kind !== "ready") story.show(data);
  switch (data.kind) {
    case "status":
      tell(`${data.text} …`, false);
      break;
    case "ready":
      setting = data;
      showKey(data);
      enter("ready", "Ready: your key is in this browser.");
      add();
      if (isWaiting) askNow();
      break;
    case "answer":
      find("result").scrollIntoView({ block: "nearest" });
      enter("ready", "Done. Draw another one.");
      hide();
      break;
    case "fault":
      enter("failed", data.text);
      status.scrollIntoView({ block: "nearest" });
      break;
  }
});
worker.addEventListener(
  "error",
  () => enter("failed", "The encryption could not start in this browser."),
);

ask.addEventListener("click", () => {
  if (state === "closed") return void agree();
  if (state === "failed") return open();
  askNow();
});
find("clear").addEventListener("click", () => pad.clear());
insecure.addEventListener("change", open);
sealed.addEventListener("change", open);
again.addEventListener("click", hide);
find("relock").addEventListener("click", add);
for (const input of addends) input.addEventListener("input", add);

/** Asks for what the pad shows, now or as soon as the key is ready. */
function askNow(): void {
  isWaiting = false;
  const fault = pad.fault;
  const picture = pad.picture;
  if (fault || !picture) {
    tell(fault ?? "Draw a digit first, or choose one.", true);
    return;
  }
  if (state !== "ready" || !setting) {
    isWaiting = true;
    ask.disabled = true;
    ask.textContent = "Asking when ready …";
    return;
  }
  pad.finish();
  hasAsked = true;
  asked = picture;
  story.begin(picture, setting);
  const isWide = matchMedia("(min-width: 68rem)").matches;
  find("trip").scrollIntoView({ block: isWide ? "nearest" : "start" });
  enter("asking", "Encrypting …");
  send({ kind: "ask", picture });
}

/** Has the last digit's pixels encrypted, and an empty sheet's. */
function hide(): void {
  if (asked) send({ kind: "hide", picture: asked });
}

/** Has the two numbers added under the browser's key. */
function add(): void {
  const areWhole = addends.every(({ value, validity }) =>
    value !== "" && validity.valid
  );
  find("adding-fault").hidden = areWhole;
  if (!areWhole) return;
  const [left, right] = addends.map(({ value }) => Number(value));
  find("adding").dataset.own = "";
  send({ kind: "add", left, right });
}

/** Opens the session, after the user has agreed to a cloud that the link names. */
async function agree(): Promise<void> {
  if (functions.kind === "refused") return enter("closed", functions.reason);
  if (functions.kind === "named" && !await confirm(functions.url)) {
    const { host } = functions.url;
    return enter("closed", `Nothing was sent: ${host} is not asked.`);
  }
  open();
}

function confirm({ host, href }: URL): Promise<boolean> {
  find("confirm-host").textContent = host;
  find("confirm-url").textContent = href;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "yes"),
      { once: true },
    )
  );
}

function open(): void {
  if (functions.kind === "refused") return;
  enter("opening", "Starting …");
  send({
    kind: "open",
    url: functions.url.href,
    insecure: insecure.checked,
    sealed: sealed.checked,
  });
}

function enter(next: typeof state, text: string): void {
  state = next;
  if (state === "failed") isWaiting = false;
  const isFault = state === "failed" ||
    (state === "closed" && functions.kind === "refused");
  tell(text, isFault);
  if (!isWaiting) {
    ask.textContent = state === "failed" ? "Try again" : "Ask the cloud";
  }
  ask.disabled = isWaiting || state === "asking" ||
    functions.kind === "refused";
  adding.disabled = again.disabled = state !== "ready";
  insecure.disabled = sealed.disabled = state !== "ready" &&
    state !== "failed";
}

function tell(text: string, isFault: boolean): void {
  status.textContent = text;
  // On a phone the status has scrolled away while the cloud is asked.
  find("progress").textContent = state === "asking" ? text : "";
  status.classList.toggle("fault", isFault);
}

function showKey(
  { keyBits, fingerprint, kernel, model }: WorkerMessage & { kind: "ready" },
): void {
  const key = find("key");
  const kernelName = kernel === "wasm"
    ? "WebAssembly"
    : kernel === "bigint"
    ? "big integers"
    : "WebAssembly without fused multiply-adds";
  key.textContent = `Your key: ${groupDigits(keyBits)} bits, ${
    fingerprint.slice(0, 16)
  }. Arithmetic: ${kernelName}. Network: ${model}.`;
  key.classList.toggle("insecure", keyBits < 2048);
}

/** The drawing as it is encrypted, where that is not what the pad shows. */
function showFitted(): void {
  const picture = pad.picture;
  find("fitted-figure").hidden = picture === null;
  if (!picture) return;
  const canvas = find<HTMLCanvasElement>("fitted");
  drawGrey(canvas.getContext("2d")!, picture, 28);
}

/** One button for each digit, with the picture that it chooses. */
function offerSamples(pictures: readonly number[][]): void {
  for (const [digit, picture] of pictures.entries()) {
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

async function showExample(): Promise<void> {
  const reply = await fetch("example.json");
  if (!reply.ok) return;
  const example: Example = await reply.json();
  offerSamples(example.samples);
  if (hasAsked) return;
  asked = example.picture;
  story.replay(example);
}

agree();
showExample();
