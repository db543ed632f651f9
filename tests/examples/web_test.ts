/**
 * The page in a real browser. Needs Debian's chromium: `apt-get install chromium`;
 * ignored without it. Screenshots go to a temporary folder, or to the one that
 * CIPHERLAYER_SCREENSHOTS names, where they stay.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { decode } from "cborg";
import { decode as decodePng } from "fast-png";
import { type Browser, chromium, type Page } from "playwright-core";
import { chiSquared, histogram } from "../../bench/paper/statistics.ts";
import { buildPage, servePage } from "../../examples/web/serve.ts";
import { isMissing } from "../support/apps.ts";

const executablePath = "/usr/bin/chromium";
const ignore = !existsSync(executablePath) || isMissing("lenet-mnist");
const kept = Deno.env.get("CIPHERLAYER_SCREENSHOTS");
const answerTimeoutMs = 120_000;

const views = [
  { name: "desktop-light", width: 1280, height: 900, colorScheme: "light" },
  { name: "desktop-dark", width: 1280, height: 900, colorScheme: "dark" },
  { name: "phone-light", width: 390, height: 844, colorScheme: "light" },
  { name: "phone-dark", width: 390, height: 844, colorScheme: "dark" },
] as const;

/** Runs `work` with the page served and a browser that is closed afterwards. */
async function withPage(
  work: (browser: Browser, url: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await buildPage(folder);
    await using served = await servePage(folder, {
      port: 0,
      signal: new AbortController().signal,
    });
    const browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox"],
    });
    try {
      await work(browser, served.url, folder);
    } finally {
      await browser.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Fails the test on anything that the page logs as an error. */
function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  return faults;
}

/** Draws a 7: along the top, then down to the left. */
async function drawSeven(page: Page): Promise<void> {
  const box = await page.locator("#pad").boundingBox();
  assert.ok(box);
  const to = (x: number, y: number) =>
    [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...to(0.25, 0.2));
  await page.mouse.down();
  await page.mouse.move(...to(0.75, 0.2), { steps: 8 });
  await page.mouse.move(...to(0.42, 0.85), { steps: 8 });
  await page.mouse.up();
}

async function ready(page: Page): Promise<void> {
  await page.locator("#key").filter({ hasText: "-bit key" })
    .waitFor({ timeout: answerTimeoutMs });
  await page.locator("#insecure:enabled")
    .waitFor({ timeout: answerTimeoutMs });
}

async function answered(page: Page): Promise<string | null> {
  await page.locator('#answer[data-state="done"]')
    .waitFor({ timeout: answerTimeoutMs });
  await page.locator("#insecure:enabled")
    .waitFor({ timeout: answerTimeoutMs });
  return await page.locator("#answer-text").textContent();
}

Deno.test({
  name:
    "the page: a 7 drawn by pointer is answered, and no request holds it (ignored without /usr/bin/chromium: apt-get install chromium)",
  ignore,
  fn: () =>
    withPage(async (browser, url, folder) => {
      const context = await browser.newContext({ viewport: views[0] });
      const page = await context.newPage();
      const faults = faultsOf(page);
      const sent: SentBody[] = [];
      page.on("request", (request) => {
        const { pathname } = new URL(request.url());
        const body = request.postDataBuffer();
        if (body) sent.push({ pathname, body: new Uint8Array(body) });
      });
      await page.goto(url);
      await ready(page);
      assert.match(
        await page.locator("#key").textContent() ?? "",
        /^2048-bit key [0-9a-f]{16}, wasm kernel, model lenet-mnist$/,
      );
      assert.ok(await page.locator("#ask").isDisabled());
      // The gateway's worker has threads of its own where there are processors.
      const processors = await page.evaluate<number>(
        "navigator.hardwareConcurrency",
      );
      const threads = page.workers().filter((worker) =>
        worker.url().endsWith("/worker_web.js")
      );
      assert.equal(threads.length > 1, processors > 1);
      await drawSeven(page);
      await page.locator("#ask").click();
      assert.match(
        await answered(page) ?? "",
        /^The cloud, blind, says 7, after [\d.]+ s\.$/,
      );
      assert.equal(await page.locator("#rounds tr").count(), 4);
      assert.equal(await page.locator("#views > li").count(), 4);
      assert.match(
        await page.locator("#leakage").textContent() ?? "",
        /The cloud could learn.*The gateway could learn/,
      );
      await checkBodies(page, sent);
      await checkFigure(page);

      const shots = kept ?? folder;
      await Deno.mkdir(shots, { recursive: true });
      for (const { name, width, height, colorScheme } of views) {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme });
        const path = `${shots}/${name}.png`;
        await page.screenshot({ path, fullPage: true });
        assert.ok((await Deno.stat(path)).size > 20_000);
        const overflow = await page.evaluate<number>(
          "document.documentElement.scrollWidth - innerWidth",
        );
        assert.ok(overflow <= 0, `${name}: ${overflow} pixels too wide`);
      }

      // The same browser finds its key again.
      const key = await page.locator("#key").textContent();
      await page.reload();
      await ready(page);
      assert.equal(await page.locator("#key").textContent(), key);
      assert.deepEqual(faults, []);
    }),
});

interface SentBody {
  pathname: string;
  body: Uint8Array;
}

/** Each body is a session's start or a token and ciphertexts; none holds the picture. */
async function checkBodies(page: Page, sent: SentBody[]): Promise<void> {
  const shown = await picture(page);
  const ink = shown.filter((value) => value > 200).length;
  assert.ok(ink > 20, "the picture is on the page");
  // The model reads 4 bits a pixel: neither those nor the grey values are sent.
  const rows = [shown, shown.map((value) => Math.round(value / 17))]
    .flatMap((values) =>
      Array.from({ length: 28 }, (_, y) => values.slice(28 * y, 28 * y + 28))
    ).filter((row) => row.some((value) => value > 0))
    .map((row) => String.fromCharCode(...row));
  assert.ok(rows.length > 20);
  // A round may be shared out; the session is opened once, then they follow in turn.
  assert.deepEqual([...new Set(sent.map(({ pathname }) => pathname))], [
    "/v1/sessions",
    ...[0, 1, 2, 3].map((round) => `/v1/rounds/${round}`),
  ]);
  for (const { pathname, body } of sent) {
    const text = new TextDecoder("latin1").decode(body);
    assert.ok(!rows.some((row) => text.includes(row)));
    const message = decode(body);
    if (pathname === "/v1/sessions") {
      assert.deepEqual(Object.keys(message).sort(), [
        "model",
        "modulus",
        "proof",
        "samples",
      ]);
      continue;
    }
    assert.deepEqual(Object.keys(message).sort(), ["ciphertexts", "token"]);
    // Ciphertexts look random: their bytes are spread evenly.
    const unevenness = chiSquared(histogram(message.ciphertexts));
    // 255 degrees of freedom: above this once in 10^12.
    assert.ok(unevenness < 450, `${unevenness}`);
  }
}

/** The picture as the page shows it, 28 x 28 values in [0, 255]. */
async function picture(page: Page): Promise<number[]> {
  const url = await page.evaluate<string>(
    "document.getElementById('plain-picture').toDataURL()",
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

Deno.test({
  name:
    "the page by keyboard alone, with the insecure key (ignored without /usr/bin/chromium: apt-get install chromium)",
  ignore,
  fn: () =>
    withPage(async (browser, url) => {
      const page = await browser.newPage();
      const faults = faultsOf(page);
      await page.goto(url);
      await ready(page);
      const focused = () =>
        page.evaluate<string>(
          "document.activeElement.getAttribute('aria-label') ?? document.activeElement.id",
        );
      const order: string[] = [];
      for (let i = 0; i < 12; i++) {
        await page.keyboard.press("Tab");
        order.push(await focused());
      }
      assert.deepEqual(order.slice(0, 10), [
        ...Array.from({ length: 10 }, (_, i) => `Use a handwritten ${i}`),
      ]);
      // Nothing is chosen yet, so the question cannot be asked.
      assert.deepEqual(order.slice(10), ["clear", "insecure"]);
      await page.keyboard.press("Space");
      await page.locator("#key.insecure").waitFor({ timeout: answerTimeoutMs });
      await ready(page);
      await page.getByRole("button", { name: "Use a handwritten 3" }).focus();
      await page.keyboard.press("Enter");
      assert.equal(
        await page.locator('#samples [aria-pressed="true"]').getAttribute(
          "aria-label",
        ),
        "Use a handwritten 3",
      );
      await page.getByRole("button", { name: "Ask the cloud" }).focus();
      await page.keyboard.press("Enter");
      assert.match(await answered(page) ?? "", /^The cloud, blind, says 3,/);
      assert.deepEqual(faults, []);
    }),
});

Deno.test("the task serves page and functions from one address, and stops when asked", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/web/serve.ts", "0"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  const [url] = /http:\/\/127\.0\.0\.1:\d+\//.exec(text) ?? [""];
  try {
    const page = await fetch(url);
    assert.match(await page.text(), /<script type="module" src="main.js">/);
    const script = await fetch(`${url}gateway_worker.js`);
    assert.match(script.headers.get("content-type") ?? "", /^text\/javascript/);
    await script.body?.cancel();
    const session = await fetch(`${url}v1/sessions`, { method: "POST" });
    assert.equal(session.status, 400);
    assert.equal((await session.json()).code, "malformed");
  } finally {
    child.kill("SIGINT");
  }
  assert.equal((await child.status).code, 0);
});
