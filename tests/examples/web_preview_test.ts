/** What the page tells other sites of itself, and what it lets its reader try. */
import assert from "node:assert/strict";
import { PaillierEngine } from "@cipherlayer/sdk";
import fc from "fast-check";
import { decode } from "fast-png";
import { addEncrypted, hidePicture } from "../../examples/web/experiments.ts";
import type { Example } from "../../examples/web/messages.ts";
import {
  addPreview,
  drawPreview,
  previewSize,
} from "../../examples/web/preview.ts";
import { sayGuess } from "../../examples/web/wording.ts";
import { testKey } from "../vectors/keys.ts";

const html = await Deno.readTextFile("examples/web/index.html");

Deno.test("names its preview by an absolute address, and only where a site is given", () => {
  assert.doesNotMatch(html, /og:image|og:url|twitter:|canonical/);
  for (
    const site of ["https://page.example/demo", "https://page.example/demo/"]
  ) {
    const page = addPreview(html, site);
    const content = (property: string) =>
      new RegExp(`property="${property}" content="([^"]*)"`).exec(page)?.[1];
    assert.equal(content("og:image"), "https://page.example/demo/preview.png");
    assert.equal(content("og:url"), "https://page.example/demo/");
    assert.equal(content("og:image:width"), String(previewSize.width));
    assert.equal(content("og:image:height"), String(previewSize.height));
    assert.ok(content("og:image:alt"));
    assert.match(page, /rel="canonical" href="https:\/\/page.example\/demo\/"/);
    assert.ok(page.indexOf("og:image") < page.indexOf("</head>"));
  }
});

Deno.test("refuses a site that is no plain address", () => {
  const refused = [
    "",
    "page.example",
    "javascript:alert(1)",
    "https://page.example/?a=1",
    "https://page.example/#a",
    "https://user:secret@page.example/",
  ];
  for (const site of refused) {
    assert.throws(() => addPreview(html, site), TypeError, site);
  }
  // Nothing leaves the attribute that it stands in.
  const page = addPreview(html, 'https://page.example/"><script>/');
  assert.ok(!page.includes('"><script>/'));
});

Deno.test("draws the digit and its encrypted picture as a preview", () => {
  const picture = Array.from({ length: 784 }, (_, i) => i % 256);
  const digit = picture.map((value) => 255 - value);
  const example: Example = {
    samples: [],
    builtAt: "2026-01-01T00:00:00.000Z",
    picture,
    told: [{ kind: "hidden", pictures: { digit, empty: picture } }],
  };
  const { width, height, channels, data } = decode(drawPreview(example));
  assert.deepEqual({ width, height }, previewSize);
  const shades = new Set<number>();
  for (let at = 0; at < data.length; at += channels) {
    const [red, green, blue] = data.subarray(at, at + 3);
    if (red === green && green === blue) shades.add(red);
  }
  assert.equal(shades.size, 256);
  // The first pixels of the two pictures, on the row where both begin.
  const row = (height - 28 * 18) / 2;
  const grey = Array.from({ length: width }, (_, x) => {
    const at = channels * (row * width + x);
    return data[at] === data[at + 2] ? data[at] : -1;
  }).filter((value) => value >= 0);
  assert.equal(grey.length, 2 * 28 * 18);
  assert.equal(grey[0], picture[0]);
  assert.equal(grey[28 * 18], digit[0]);
  assert.throws(() => drawPreview({ ...example, told: [] }), /no encrypted/);
});

Deno.test("adds numbers through their ciphertexts, which differ every time", async () => {
  using engine = new PaillierEngine(testKey(512));
  const number = fc.integer({ min: 0, max: 99 });
  await fc.assert(
    fc.asyncProperty(number, number, async (left, right) => {
      const one = await addEncrypted(engine, left, right);
      const other = await addEncrypted(engine, left, right);
      assert.equal(one.opened, left + right);
      assert.equal(other.opened, left + right);
      const heads = [...one.ciphertexts, ...other.ciphertexts].map(String);
      assert.equal(new Set(heads).size, 6);
    }),
    { numRuns: 5 },
  );
});

Deno.test("hides a digit as evenly as an empty sheet", async () => {
  using engine = new PaillierEngine(testKey(512));
  const picture = Array.from({ length: 784 }, (_, i) => i % 7 === 0 ? 255 : 0);
  const { digit, empty } = await hidePicture(engine, picture);
  for (const residues of [digit, empty]) {
    assert.equal(residues.length, 784);
    // 784 draws of 256 shades: fewer than 215 different ones once in 10^10.
    assert.ok(new Set(residues).size > 215);
  }
  assert.notDeepEqual(digit, empty);
});

Deno.test("says a guess beside what luck gives", () => {
  assert.match(sayGuess(true, 1, 1), /^You found it\. Found 1 of 1: /);
  assert.match(sayGuess(false, 3, 7), /^It was the other one\. Found 3 of 7: /);
});
