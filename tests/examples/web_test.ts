/**
 * The page in a real browser. Needs Debian's chromium: `apt-get install chromium`;
 * ignored without it. CIPHERLAYER_SCREENSHOTS names a folder in which screenshots stay.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { decode } from "cborg";
import { decode as decodePng } from "fast-png";
import type { BrowserContext, Page } from "playwright-core";
import { chiSquared, histogram } from "../../bench/paper/statistics.ts";
import { pageFiles } from "../../examples/web/build.ts";
import { isMissing } from "../support/apps.ts";
import {
  answered,
  answerTimeoutMs,
  chromiumPath,
  draw,
  faultsOf,
  findLowContrast,
  ready,
  startBrowser,
  startWebTask,
} from "./web_page.ts";

const ignore = isMissing("lenet-mnist");
const hasBrowser = existsSync(chromiumPath);
const screenshots = Deno.env.get("CIPHERLAYER_SCREENSHOTS");

/** All that the page loads, compressed. */
const maxGzippedBytes = 145_000;

const desktop = { width: 1280, height: 900 };
const phone = { width: 390, height: 844 };
const seven = [[0.25, 0.2], [0.75, 0.2], [0.42, 0.85]] as const;
/** In a corner, a fifth of the pad high. */
const smallSeven = [[0.7, 0.72], [0.84, 0.72], [0.75, 0.92]] as const;
/** A 4 whose top is all but closed: half a 9. */
const fourOrNine = [
  [[0.572, 0.2], [0.3, 0.35], [0.3, 0.5], [0.7, 0.5]],
  [[0.7, 0.2], [0.7, 0.85]],
] as const;

Deno.test({
  name:
    "the page in Chromium, and its task (ignored without /usr/bin/chromium: apt-get install chromium)",
  ignore: ignore || !hasBrowser,
  async fn(t) {
    const task = await startWebTask();
    const { url } = task;
    try {
      const browser = await startBrowser();
      try {
        const context = await browser.newContext({ viewport: desktop });
        const page = await context.newPage();
        const faults = faultsOf(page);
        const sent = record(page);
        await t.step(
          "shows an example of the build before anything is asked",
          () => checkExample(page, url),
        );
        await t.step(
          "answers a 7 drawn by pointer, and no request holds it",
          () => checkAnswer(page, sent),
        );
        await t.step(
          "lets its reader add locked numbers and guess at locked pictures",
          () => checkExperiments(page, sent),
        );
        await t.step(
          "finds its key again, and is read and used by keyboard alone",
          () => checkKeyboard(page),
        );
        await t.step(
          "tells that an empty or absurd drawing is none, and sends nothing",
          () => checkAbsurd(page, sent),
        );
        await t.step(
          "on a phone, with reduced motion, reads a small digit in a corner and shows the answer",
          () => checkPhone(page),
        );
        await t.step(
          "is not sure of a digit that is half another, and asks as soon as it can",
          () => checkUnsure(page),
        );
        await t.step(
          "hides the network from the browser where its user wants that",
          () => checkSealed(page),
        );
        await t.step(
          "sends nothing to a cloud that its link names before the user agrees",
          () => checkNamedCloud(context, url),
        );
        assert.deepEqual(faults, []);
      } finally {
        await browser.close();
      }
      await t.step("is served whole from one address", () => checkServed(url));
    } finally {
      const code = await task.stop();
      await t.step(
        "the task stops when asked",
        () => assert.equal(code, 0),
      );
    }
  },
});

interface SentBody {
  pathname: string;
  body: Uint8Array;
}

/** All that the page sends from now on. */
function record(page: Page): SentBody[] {
  const sent: SentBody[] = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    const body = request.postDataBuffer();
    if (body) sent.push({ pathname, body: new Uint8Array(body) });
  });
  return sent;
}

async function checkExample(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.locator("body[data-example]").waitFor();
  assert.equal(await page.locator('.round[data-state="done"]').count(), 4);
  assert.match(
    await page.locator("#trip .mark").innerText(),
    /^Recorded when this page was built, on \d+ \w+ 20\d\d\.$/,
  );
  assert.match(await page.locator("#answer-text").innerText(), /^It is a 7\./);
  await checkFigure(page);
  assert.deepEqual(
    await page.locator("#cost strong").allInnerTexts().then((texts) =>
      texts.length
    ),
    4,
  );
  assert.equal(
    await page.locator("#learnt strong").first().innerText(),
    "0 bits",
  );
  await ready(page);
  await checkViews(page, "example");
}

async function checkAnswer(page: Page, sent: SentBody[]): Promise<void> {
  assert.match(
    await page.locator("#key").innerText(),
    /^Your key: 2,048 bits, [0-9a-f]{16}\. Arithmetic: WebAssembly\. Network: lenet-mnist\.$/,
  );
  // The gateway's worker has threads of its own where there are processors.
  const processors = await page.evaluate<number>(
    "navigator.hardwareConcurrency",
  );
  const threads = page.workers().filter((worker) =>
    worker.url().endsWith("/worker_web.js")
  );
  assert.equal(threads.length > 1, processors > 1);
  sent.length = 0;
  await draw(page, seven);
  await watchRounds(page);
  await page.locator("#ask").click();
  assert.match(
    await answered(page),
    /^It is a 7\. The network is \d\d\.\d % sure\.$/,
  );
  // Each round leaves, returns and ends, in turn; something moves on the way.
  const { states, moved, unseen, bars } = await watchedRounds(page);
  // What leaves is shown as it leaves, and the bar never goes back.
  assert.equal(unseen, 0);
  assert.deepEqual(bars, [...bars].sort((a, b) => a - b));
  assert.ok(bars.length >= 8 && bars.at(-1) === 4);
  assert.ok(await page.locator("#bar").isHidden());
  assert.deepEqual(
    states,
    [0, 1, 2, 3].flatMap((round) =>
      ["leaving", "returning", "done"].map((state) => `${round} ${state}`)
    ),
  );
  assert.ok(moved > 0);
  assert.equal(await page.locator("body[data-example]").count(), 0);
  assert.equal(await page.locator("#scores li").count(), 10);
  assert.match(
    await page.locator("#scores .best").innerText(),
    /^7\s+\d\d\.\d %$/,
  );
  assert.match(await page.locator("#work").innerText(), /WebAssembly/);
  assert.match(
    await page.locator("#leakage").textContent() ?? "",
    /11,520126,80020 × 171/,
  );
  await checkBodies(page, sent);
  await checkFigure(page);
  await checkViews(page, "answered");
}

/** No view is wider than its screen or has texts that are hard to read. */
async function checkViews(page: Page, moment: string): Promise<void> {
  const isOpen = (open: boolean) =>
    page.evaluate(
      `document.querySelectorAll("details").forEach((one) => one.open = ${open})`,
    );
  await isOpen(true);
  for (const [device, viewport] of Object.entries({ desktop, phone })) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      const view = `${moment}-${device}-${colorScheme}`;
      const overflow = await page.evaluate<number>(
        "document.documentElement.scrollWidth - innerWidth",
      );
      assert.ok(overflow <= 0, `${view}: ${overflow} pixels too wide`);
      assert.deepEqual(await findLowContrast(page), [], view);
      if (!screenshots) continue;
      await isOpen(false);
      await Deno.mkdir(screenshots, { recursive: true });
      const path = `${screenshots}/${view}.png`;
      await page.screenshot({ path, fullPage: true });
      await isOpen(true);
    }
  }
  await isOpen(false);
  await page.setViewportSize(desktop);
}

/** Each body is a session's start or a token and ciphertexts; none holds the picture. */
async function checkBodies(page: Page, sent: SentBody[]): Promise<void> {
  const shown = await picture(page, "#plain-picture");
  const ink = shown.filter((value) => value > 200).length;
  assert.ok(ink > 20, "the picture is on the page");
  // The model reads 4 bits a pixel: neither those nor the grey values are sent.
  const rows = [shown, shown.map((value) => Math.round(value / 17))]
    .flatMap((values) =>
      Array.from({ length: 28 }, (_, y) => values.slice(28 * y, 28 * y + 28))
    ).filter((row) => row.some((value) => value > 0))
    .map((row) => String.fromCharCode(...row));
  assert.ok(rows.length > 20);
  // A round may be shared out; they follow in turn.
  assert.deepEqual(
    [...new Set(sent.map(({ pathname }) => pathname))],
    [0, 1, 2, 3].map((round) => `/v1/rounds/${round}`),
  );
  for (const { body } of sent) {
    const text = new TextDecoder("latin1").decode(body);
    assert.ok(!rows.some((row) => text.includes(row)));
    const message = decode(body);
    assert.deepEqual(Object.keys(message).sort(), ["ciphertexts", "token"]);
    // Ciphertexts look random: their bytes are spread evenly.
    const unevenness = chiSquared(histogram(message.ciphertexts));
    // 255 degrees of freedom: above this once in 10^12.
    assert.ok(unevenness < 450, `${unevenness}`);
  }
}

/** A picture as the page shows it, 28 x 28 values in [0, 255]. */
async function picture(page: Page, canvas: string): Promise<number[]> {
  const url = await page.evaluate<string>(
    `document.querySelector("${canvas}").toDataURL()`,
  );
  const png = await (await fetch(url)).bytes();
  const { data, width, channels } = decodePng(png);
  const zoom = width / 28;
  return Array.from({ length: 784 }, (_, pixel) => {
    const x = Math.floor((pixel % 28 + 0.5) * zoom);
    const y = Math.floor((Math.floor(pixel / 28) + 0.5) * zoom);
    return data[channels * (y * width + x)];
  });
}

/** The picture has few values, its ciphertexts have all. */
async function checkFigure(page: Page): Promise<void> {
  const label = async (id: string) =>
    await page.locator(id).getAttribute("aria-label") ?? "";
  const used = (text: string) => Number(/: (\d+) of 64/.exec(text)?.[1]);
  const plain = await label("#plain-histogram");
  assert.match(plain, /commonest [567]\d\d times of 784/);
  assert.ok(used(await label("#cipher-histogram")) >= 62);
}

/** Notes the rounds' states as they change, and whether anything moves then. */
function watchRounds(page: Page): Promise<void> {
  return page.evaluate(`(() => {
    const seen = globalThis.watched = { states: [], moved: 0, unseen: 0, bars: [] };
    const bar = document.getElementById("bar");
    new MutationObserver((changes) => {
      for (const { target } of changes) {
        const rows = [...document.querySelectorAll(".round")];
        if (!target.querySelector(".there canvas")) seen.unseen++;
        if (seen.bars.at(-1) !== bar.value) seen.bars.push(bar.value);
        const state = rows.indexOf(target) + " " + target.dataset.state;
        if (seen.states.at(-1) !== state) seen.states.push(state);
        seen.moved += target.getAnimations({ subtree: true }).length;
      }
    }).observe(document.getElementById("rounds"), {
      subtree: true, attributes: true, attributeFilter: ["data-state"],
    });
  })()`);
}

function watchedRounds(
  page: Page,
): Promise<
  { states: string[]; moved: number; unseen: number; bars: number[] }
> {
  return page.evaluate("globalThis.watched");
}

/** Nothing of either is sent. */
async function checkExperiments(page: Page, sent: SentBody[]): Promise<void> {
  sent.length = 0;
  const sum = async () => await page.locator("#sum").innerText();
  const locked = () =>
    page.locator("#left-locked, #right-locked, #sum-locked").allInnerTexts();
  const numbers = (left: string, right: string) =>
    page.locator("#left").fill(left).then(() =>
      page.locator("#right").fill(right)
    );
  await numbers("58", "64");
  await page.locator("#sum", { hasText: /^122$/ }).waitFor();
  const before = await locked();
  assert.ok(before.every((text) => /^[0-9a-f]{8} [0-9a-f]{8} …$/.test(text)));
  await page.locator("#relock").click();
  await page.locator("#left-locked", { hasNotText: before[0] }).waitFor();
  const after = await locked();
  assert.ok(after.every((text, i) => text !== before[i]));
  assert.equal(await sum(), "122");
  for (const left of ["100", "-1", "1.5", ""]) {
    await page.locator("#left").fill(left);
    assert.ok(await page.locator("#adding-fault").isVisible(), left);
  }
  assert.deepEqual(await findLowContrast(page), []);
  await page.locator("#left").fill("1");
  await page.locator("#sum", { hasText: /^65$/ }).waitFor();
  assert.ok(await page.locator("#adding-fault").isHidden());

  let tries = 0;
  const holds = new Set<string | null>();
  // Both outcomes come by lot: one of them 20 times in a row once in 10^6.
  while (holds.size < 2 && tries < 20) {
    await page.locator("#guess-left button:enabled").click();
    tries++;
    holds.add(
      await page.locator("#guess-left button").getAttribute("data-holds"),
    );
    assert.match(
      await page.locator("#guess-result").innerText(),
      new RegExp(
        `^(You found it|It was the other one)\\. Found \\d+ of ${tries}: `,
      ),
    );
    assert.equal(await page.locator('[data-holds="digit"]').count(), 1);
    assert.ok(await page.locator("#guess-right button").isDisabled());
    await page.locator("#again").click();
  }
  assert.equal(holds.size, 2);
  assert.deepEqual(sent, []);
}

async function checkKeyboard(page: Page): Promise<void> {
  const key = await page.locator("#key").innerText();
  await page.reload();
  await ready(page);
  assert.equal(await page.locator("#key").innerText(), key);
  const press = async (...keys: string[]) => {
    for (const one of keys) await page.keyboard.press(one);
  };
  const focused = () =>
    page.evaluate<string>(
      "((at) => at.getAttribute('aria-label') ?? (at.id || at.textContent))(document.activeElement)",
    );
  await page.locator("#guess-left button:enabled").waitFor();
  const order: string[] = [];
  for (let i = 0; i < 30; i++) {
    await press("Tab");
    order.push((await focused()).trim());
    const hasRing = await page.evaluate<boolean>(
      "getComputedStyle(document.activeElement).outlineStyle !== 'none'",
    );
    assert.ok(hasRing, `${order.at(-1)} shows that it has the focus`);
  }
  assert.deepEqual(order, [
    "Skip to the drawing pad",
    "Code",
    "Paper",
    "Security",
    "Draw a digit",
    "ask",
    "clear",
    ...Array.from({ length: 10 }, (_, i) => `Use a handwritten ${i}`),
    "left",
    "right",
    "relock",
    "Details",
    "The left picture is the digit",
    "The right picture is the digit",
    "again",
    "Details",
    "All promises and limits",
    "sealed",
    "Details: bits and equations",
    "Details: round by round",
    "insecure",
  ]);
  // Through the browser's own controls, and round again: nothing keeps the focus.
  await press("Tab", "Tab");
  assert.equal(await focused(), "Skip to the drawing pad");
  // What changes by itself is told to who cannot see it.
  const live = await page.evaluate<string[]>(
    `[...document.querySelectorAll("[aria-live], [role=status], output")]
      .map(({ id }) => id).sort()`,
  );
  assert.deepEqual(live, [
    "adding-fault",
    "answer",
    "guess-result",
    "pen",
    "status",
    "sum",
  ]);
  await page.reload();
  await ready(page);
  await page.locator("#insecure").focus();
  await press("Space");
  await page.locator("#key.insecure").waitFor({ timeout: answerTimeoutMs });
  await ready(page);
  await page.locator(".skip").focus();
  await press("Enter");
  assert.equal(await focused(), "Draw a digit");
  assert.ok(await page.locator("#pad-keys").isVisible());
  // A 1: up, then down all the way.
  await press("Shift+ArrowUp", "Shift+ArrowUp", "Space");
  const pen = () => page.locator("#pen").textContent();
  assert.equal(await pen(), "Pen down: arrow keys draw");
  await press(...Array(5).fill("Shift+ArrowDown"));
  assert.equal(await pen(), "50 across, 86 down");
  await press("Space", "Tab");
  assert.equal(await focused(), "ask");
  await press("Enter");
  assert.match(await answered(page), /^It is a 1\./);
  // A chosen one.
  await page.getByRole("button", { name: "Use a handwritten 3" }).focus();
  await press("Enter");
  assert.equal(
    await page.locator('#samples [aria-pressed="true"]').getAttribute(
      "aria-label",
    ),
    "Use a handwritten 3",
  );
  await page.locator("#ask").focus();
  await press("Enter");
  await page.locator("#answer-text", { hasText: "It is a 3." })
    .waitFor({ timeout: answerTimeoutMs });
  await answered(page);
}

async function checkAbsurd(page: Page, sent: SentBody[]): Promise<void> {
  sent.length = 0;
  const asked = async () => {
    await page.locator("#ask").click();
    return await page.locator("#status.fault").innerText();
  };
  await page.locator("#clear").click();
  assert.match(await asked(), /Draw a digit first/);
  await draw(page, [[0.5, 0.5], [0.52, 0.5]]);
  assert.match(await asked(), /only a dot/);
  assert.deepEqual(await findLowContrast(page), []);
  await page.locator("#clear").click();
  await draw(page, [[0.1, 0.5], [0.9, 0.5]]);
  assert.match(await asked(), /wider than any digit/);
  await page.locator("#clear").click();
  const scribble = Array.from(
    { length: 24 },
    (_, i) => [i % 2 ? 0.9 : 0.1, 0.1 + 0.032 * i] as const,
  );
  await draw(page, scribble);
  assert.match(await asked(), /too full of ink/);
  assert.deepEqual(sent, []);
  await page.locator("#clear").click();
}

async function checkPhone(page: Page): Promise<void> {
  await page.setViewportSize(phone);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.evaluate("scrollTo(0, 0)");
  const ask = await page.locator("#ask").boundingBox();
  assert.ok(ask && ask.y + ask.height <= phone.height, "the button is in view");
  await draw(page, smallSeven);
  const ink = (await picture(page, "#fitted"))
    .map((value, pixel) => value > 127 ? Math.floor(pixel / 28) : -1)
    .filter((row) => row >= 0);
  assert.ok(Math.max(...ink) - Math.min(...ink) >= 17, "it fills the box");
  await watchRounds(page);
  await page.locator("#ask").click();
  assert.match(await answered(page), /^It is a 7\./);
  const { states, moved } = await watchedRounds(page);
  assert.equal(states.length, 12);
  assert.equal(moved, 0);
  for (const part of ["#answer", "#scores"]) {
    const box = await page.locator(part).boundingBox();
    assert.ok(
      box && box.y >= 0 && box.y + box.height <= phone.height,
      `${part} is in view: ${JSON.stringify(box)}`,
    );
  }
}

/** Asks before the key is there; the answer has two digits. */
async function checkUnsure(page: Page): Promise<void> {
  await page.reload();
  for (const stroke of fourOrNine) await draw(page, stroke);
  await page.locator("#ask").click();
  const text = await answered(page);
  const [, first, second] =
    /^Not sure: perhaps (\d) \(\d\d\.\d %\), perhaps (\d) \(\d\d\.\d %\)\.$/
      .exec(text) ?? [];
  assert.deepEqual([first, second].sort(), ["4", "9"], text);
  assert.equal(await page.locator("#answer-digit").innerText(), "?");
  assert.equal(
    await page.locator("#answer").getAttribute("data-state"),
    "unsure",
  );
  await checkViews(page, "unsure");
  await page.setViewportSize(phone);
  await page.locator("#insecure").check();
  await ready(page);
  await page.getByRole("button", { name: "Use a handwritten 4" }).click();
  await page.locator("#ask").click();
  await answered(page);
}

/** Of the page above, with an insecure key: the first maps that were opened are noise. */
async function checkSealed(page: Page): Promise<void> {
  assert.ok(await correlation(page) > 0.3, "the digit shows in an open map");
  await page.locator("#sealed").check();
  await ready(page);
  await page.getByRole("button", { name: "Use a handwritten 4" }).click();
  await page.locator("#ask").click();
  await page.locator("#answer-text", { hasText: "It is a 4." })
    .waitFor({ timeout: answerTimeoutMs });
  await ready(page);
  assert.match(
    await page.locator(".round .maps").first().getAttribute("aria-label") ?? "",
    /^Noise/,
  );
  // 4 maps of 12 x 11 pairs: beyond 0.25 once in 10^8.
  assert.ok(Math.abs(await correlation(page)) < 0.25);
  assert.equal(await page.locator("#scores li").count(), 0);
  assert.ok(await page.locator("#equations").isHidden());
}

/** Correlation of neighbours in the maps of the first round: near 0 of noise. */
async function correlation(page: Page): Promise<number> {
  const urls = await page.evaluate<string[]>(
    `[...document.querySelector(".round .maps").querySelectorAll("canvas")]
      .map((map) => map.toDataURL())`,
  );
  const label = await page.locator(".round .here small").first().innerText();
  const side = label === "noise" ? 12 : 24;
  const pairs: [number, number][] = [];
  for (const url of urls) {
    const png = await (await fetch(url)).bytes();
    const { data, width, channels } = decodePng(png);
    const zoom = width / side;
    const at = (x: number, y: number) =>
      data[channels * zoom * (y * width + x)];
    for (let i = 0; i < side * (side - 1); i++) {
      const x = i % (side - 1), y = Math.floor(i / (side - 1));
      pairs.push([at(x, y), at(x + 1, y)]);
    }
  }
  const mean = (values: number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const left = mean(pairs.map(([a]) => a));
  const right = mean(pairs.map(([, b]) => b));
  const spread = (one: 0 | 1, middle: number) =>
    mean(pairs.map((pair) => (pair[one] - middle) ** 2));
  const together = mean(pairs.map(([a, b]) => (a - left) * (b - right)));
  return together / Math.sqrt(spread(0, left) * spread(1, right));
}

/** The page on a host that has files alone, below a path. */
async function startStaticHost(url: string) {
  const types: Record<string, string> = {
    html: "text/html",
    css: "text/css",
    js: "text/javascript",
  };
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of pageFiles) {
    const path = name === "index.html" ? "" : name;
    const file = await (await fetch(new URL(path, url))).bytes();
    files.set(`/some/path/${path}`, file);
  }
  const closing = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, signal: closing.signal },
    (request) => {
      const { pathname } = new URL(request.url);
      const file = files.get(pathname);
      if (request.method !== "GET" || !file) {
        return new Response(null, { status: 404 });
      }
      const kind = pathname.endsWith("/")
        ? "html"
        : pathname.split(".").at(-1)!;
      const type = types[kind] ?? "application/octet-stream";
      return new Response(file, { headers: { "content-type": type } });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/some/path/`,
    [Symbol.asyncDispose]() {
      // At once: browsers keep connections open.
      closing.abort();
      return server.finished;
    },
  };
}

/** The page's own host serves files only; the functions are at another address. */
async function checkNamedCloud(
  context: BrowserContext,
  url: string,
): Promise<void> {
  await using host = await startStaticHost(url);
  const page = await context.newPage();
  const sent: string[] = [];
  page.on("request", (request) => {
    const { host, pathname } = new URL(request.url());
    if (pathname.includes("/v1/")) sent.push(host + pathname);
  });
  await page.route("https://functions.example/**", async (route) => {
    const request = route.request();
    const { pathname, search } = new URL(request.url());
    const path = pathname.replace("/own", "") + search;
    const reply = await fetch(new URL(path, url), {
      method: request.method(),
      headers: { "content-type": "application/cbor" },
      body: new Uint8Array(request.postDataBuffer() ?? []),
    });
    const headers = Object.fromEntries(reply.headers);
    delete headers["content-encoding"];
    await route.fulfill({
      status: reply.status,
      headers: { ...headers, "access-control-allow-origin": "*" },
      body: Buffer.from(await reply.arrayBuffer()),
    });
  });
  const faults = faultsOf(page);
  await page.goto(`${host.url}?functions=https://functions.example/own/`);
  await page.locator("body[data-example]").waitFor();
  const dialog = page.getByRole("dialog", { name: "Ask this cloud?" });
  await dialog.waitFor();
  assert.equal(
    await page.locator("#confirm-host").innerText(),
    "functions.example",
  );
  assert.deepEqual(await findLowContrast(page), []);
  // The answer that sends nothing is the one that Enter and Escape give.
  await page.keyboard.press("Enter");
  await page.locator("#status", { hasText: "Nothing was sent" }).waitFor();
  await page.locator("#ask").click();
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#status", { hasText: "Nothing was sent" }).waitFor();
  assert.deepEqual(sent, []);
  await page.locator("#ask").click();
  await dialog.getByRole("button", { name: "Ask this cloud" }).click();
  await ready(page);
  await page.getByRole("button", { name: "Use a handwritten 5" }).click();
  await page.locator("#ask").click();
  await page.locator("#answer-text", { hasText: "It is a 5." })
    .waitFor({ timeout: answerTimeoutMs });
  assert.deepEqual([...new Set(sent)], [
    "functions.example/own/v1/sessions",
    ...[0, 1, 2, 3].map((round) => `functions.example/own/v1/rounds/${round}`),
  ]);
  sent.length = 0;
  await page.goto(`${host.url}?functions=http://functions.example/`);
  await page.locator("#status.fault", { hasText: "must begin with https" })
    .waitFor();
  assert.ok(await page.locator("#ask").isDisabled());
  assert.deepEqual(sent, []);
  assert.deepEqual(faults, []);
  await page.close();
}

async function checkServed(url: string): Promise<void> {
  const page = await (await fetch(url)).text();
  assert.match(page, /<script type="module" src="main.js">/);
  const links = [...page.matchAll(/(?:href|src)="([^"#:]+)"/g)]
    .map(([, link]) => link);
  assert.ok(links.includes("README.txt") && links.includes("SECURITY.txt"));
  assert.ok(links.every((link) => pageFiles.includes(link)));
  let bytes = 0;
  for (const name of pageFiles) {
    const reply = await fetch(new URL(name === "index.html" ? "" : name, url));
    assert.equal(reply.status, 200, name);
    assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
    const gzipped = reply.body!.pipeThrough(new CompressionStream("gzip"));
    const size = (await new Response(gzipped).bytes()).length;
    if (!name.endsWith(".txt")) bytes += size;
  }
  assert.ok(bytes < maxGzippedBytes, `the page loads ${bytes} bytes`);
  const session = await fetch(`${url}v1/sessions`, { method: "POST" });
  assert.equal(session.status, 400);
  assert.equal((await session.json()).code, "malformed");
}
