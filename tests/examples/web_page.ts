/**
 * The web page in a real browser: serving it, drawing on it, measuring it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { taskArguments } from "../support/task_command.ts";
import { type Browser, chromium, type Page } from "playwright-core";

export const chromiumPath = "/usr/bin/chromium";
/** A loaded machine makes keys slowly. */
export const answerTimeoutMs = 120_000;

/** `deno task web`, running. */
export interface WebTask {
  url: string;
  /** Interrupts it; gives its exit code. */
  stop(): Promise<number>;
}

/** Starts the task as a user does, on a free port. */
export async function startWebTask(): Promise<WebTask> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...taskArguments("web"), "0"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  const [url] = /http:\/\/127\.0\.0\.1:\d+\//.exec(text) ?? [];
  assert.ok(url, `the task says where the page is: ${text}`);
  return {
    url,
    async stop() {
      child.kill("SIGINT");
      return (await child.status).code;
    },
  };
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: ["--no-sandbox"],
  });
}

/** Everything that the page logs as an error. */
export function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  return faults;
}

/** Until the page can be asked. */
export async function ready(page: Page): Promise<void> {
  await page.locator("#insecure:enabled")
    .waitFor({ timeout: answerTimeoutMs });
}

/** Until the answer is there and its pictures are drawn; gives the answer's text. */
export async function answered(page: Page): Promise<string> {
  await page.locator('#answer:is([data-state="done"], [data-state="unsure"])')
    .waitFor({ timeout: answerTimeoutMs });
  await ready(page);
  await page.locator("#guess-left button:enabled")
    .waitFor({ timeout: answerTimeoutMs });
  return await page.locator("#answer-text").textContent() ?? "";
}

/** Draws one stroke through points given as fractions of the pad. */
export async function draw(
  page: Page,
  points: readonly (readonly [x: number, y: number])[],
): Promise<void> {
  const pad = page.locator("#pad");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  assert.ok(box);
  const to = ([x, y]: readonly [number, number]) =>
    [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...to(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) {
    await page.mouse.move(...to(point), { steps: 8 });
  }
  await page.mouse.up();
}

/**
 * In the page: texts below the contrast of 4.5 against what lies behind them, and marks
 * of figures below 3 (WCAG 2.2, 1.4.3 and 1.4.11).
 */
export function findLowContrast(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (colour) => {
      const [r, g, b] = channels(colour).slice(0, 3).map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
      const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    const isOpaque = (colour) => (channels(colour)[3] ?? 1) === 1;
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if (isOpaque(backgroundColor)) return backgroundColor;
      }
      throw new Error("nothing lies behind");
    };
    const low = [];
    const check = (element, colour, ground, least) => {
      const ratio = contrast(colour, ground);
      if (ratio < least) {
        low.push(ratio.toFixed(2) + " " + (element.id || element.className) +
          " " + element.textContent.trim().slice(0, 40));
      }
    };
    let texts = 0;
    for (const element of document.body.querySelectorAll("*")) {
      if (!element.checkVisibility({ opacityProperty: true })) continue;
      const hasText = [...element.childNodes].some((node) =>
        node.nodeType === Node.TEXT_NODE && node.textContent.trim()
      );
      if (hasText) {
        texts++;
        check(element, getComputedStyle(element).color, behind(element), 4.5);
      }
      if (element.matches(".cell, .fill")) {
        const { backgroundColor } = getComputedStyle(element);
        check(element, backgroundColor, behind(element.parentElement), 3);
      }
    }
    if (texts < 10) low.push("only " + texts + " texts were found");
    return low;
  })()`);
}
