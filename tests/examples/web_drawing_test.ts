/** What the page makes of a drawing, of scores and of its own address. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  readableShare,
  readConfidence,
} from "../../examples/web/confidence.ts";
import {
  type Drawing,
  findFault,
  fitDrawing,
  type Point,
} from "../../examples/web/drawing.ts";
import { functionsAddress } from "../../examples/web/functions_address.ts";
import { sayAnswer } from "../../examples/web/wording.ts";
import { glyphs } from "../../examples/digits/strokes.ts";

/** A glyph as somebody draws it: `size` of the pad high, its corner at (left, top). */
function drawn(
  glyph: number,
  { size, left, top }: { size: number; left: number; top: number },
): Drawing {
  return glyphs[glyph].strokes.map((stroke) =>
    stroke.map(([x, y]): Point => [left + size * x, top + size * y])
  );
}

Deno.test("a drawing is read the same wherever and however large it is drawn", () => {
  const place = fc.record({
    glyph: fc.nat({ max: glyphs.length - 1 }),
    size: fc.double({ min: 0.15, max: 0.6, noNaN: true }),
    left: fc.double({ min: 0.01, max: 0.4, noNaN: true }),
    top: fc.double({ min: 0.01, max: 0.4, noNaN: true }),
  });
  fc.assert(
    fc.property(place, ({ glyph, ...where }) => {
      const large = fitDrawing(
        drawn(glyph, { size: 0.8, left: 0.1, top: 0.1 }),
      );
      const here = fitDrawing(drawn(glyph, where));
      const differ = large.filter((value, i) => Math.abs(value - here[i]) > 8);
      assert.equal(differ.length, 0);
    }),
    { numRuns: 15 },
  );
});

Deno.test("a drawing fills MNIST's box, its centre of mass in the middle", () => {
  for (const glyph of glyphs.keys()) {
    const picture = fitDrawing(
      drawn(glyph, { size: 0.2, left: 0.7, top: 0.75 }),
    );
    let mass = 0, x = 0, y = 0;
    const rows = new Set<number>(), columns = new Set<number>();
    picture.forEach((value, i) => {
      if (value === 0) return;
      mass += value;
      x += value * (i % 28 + 0.5);
      y += value * (Math.floor(i / 28) + 0.5);
      columns.add(i % 28);
      rows.add(Math.floor(i / 28));
    });
    assert.equal(Math.max(rows.size, columns.size), 20);
    assert.ok(Math.abs(x / mass - 14) <= 0.5 && Math.abs(y / mass - 14) <= 0.5);
  }
});

Deno.test("no way of writing a digit is refused, however small", () => {
  for (const glyph of glyphs.keys()) {
    for (const size of [0.1, 0.4, 0.95]) {
      const drawing = drawn(glyph, { size, left: 0.02, top: 0.02 });
      assert.equal(findFault(drawing), null);
    }
  }
});

Deno.test("refuses what is no digit, and says why", () => {
  const scribble = Array.from(
    { length: 25 },
    (_, i): Point => [i % 2 ? 0.9 : 0.1, 0.1 + 0.03 * i],
  );
  const absurd: [Drawing, RegExp][] = [
    [[], /Draw a digit first/],
    [[[[0.5, 0.5]]], /only a dot/],
    [[[[0.5, 0.5], [0.52, 0.53]]], /only a dot/],
    [[[[0.1, 0.5], [0.9, 0.55]]], /wider than any digit/],
    [[scribble], /too full of ink/],
  ];
  for (const [drawing, reason] of absurd) {
    assert.match(findFault(drawing) ?? "", reason);
  }
  assert.throws(() => fitDrawing([]), RangeError);
});

Deno.test("shares add up to 1, and do not depend on what all scores have in common", () => {
  const scores = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), {
    minLength: 10,
    maxLength: 10,
  });
  fc.assert(
    fc.property(
      scores,
      fc.integer({ min: -1000, max: 1000 }),
      (values, shift) => {
        const { shares, best, second } = readConfidence(values);
        const total = shares.reduce((sum, share) => sum + share);
        assert.ok(Math.abs(total - 1) < 1e-9);
        assert.ok(shares.every((share) => share <= shares[best]));
        assert.ok(best !== second && shares[second] <= shares[best]);
        const moved = readConfidence(values.map((value) => value + shift));
        moved.shares.forEach((share, i) =>
          assert.ok(Math.abs(share - shares[i]) < 1e-6)
        );
      },
    ),
  );
});

Deno.test("is sure when one share is at least twice the next", () => {
  const ratio = (factor: number) =>
    readConfidence([0, Math.log(factor), ...Array(8).fill(-20)]);
  assert.ok(ratio(2.01).isSure);
  assert.ok(!ratio(1.99).isSure);
  assert.equal(ratio(1.99).best, 1);
  assert.equal(ratio(1.99).second, 0);
  assert.equal(readableShare(0.97654), "97.7 %");
  // Neither impossible nor certain.
  assert.equal(readableShare(0.0001), "< 0.1 %");
  assert.equal(readableShare(0.99999), "> 99.9 %");
});

Deno.test("says the answer with its share, both where it is not sure, the label where no more is told", () => {
  const say = (...scores: number[]) => sayAnswer(1, readConfidence(scores));
  assert.equal(say(0, 3, 0), "It is a 1. The network is 90.9 % sure.");
  assert.equal(
    say(0, 3, 2.9),
    "Not sure: perhaps 1 (51.2 %), perhaps 2 (46.3 %).",
  );
  assert.match(sayAnswer(1, null), /^It is a 1\. .* hidden\.$/);
});

Deno.test("asks the page's own host unless its address names another cloud", () => {
  const at = (query: string) =>
    functionsAddress(new URL(`https://page.example/demo/index.html${query}`));
  const own = at("#pad");
  assert.ok(own.kind === "own");
  assert.equal(own.url.href, "https://page.example/demo/");
  const named = at("?functions=https://functions.example/prefix");
  assert.ok(named.kind === "named");
  assert.equal(named.url.href, "https://functions.example/prefix");
  // Even the page's own host is confirmed when a link names it.
  assert.equal(at("?functions=https://page.example/other/").kind, "named");
  // Letters that look like others are shown as what they are.
  const lookalike = at("?functions=https://p%D0%B0ge.example/");
  assert.ok(lookalike.kind === "named");
  assert.equal(lookalike.url.host, "xn--pge-6cd.example");
});

Deno.test("refuses a named cloud that is not plainly https", () => {
  const refused = [
    "",
    "functions.example",
    "http://functions.example/",
    "javascript:alert(1)",
    "https://user:secret@functions.example/",
    "https://functions.example/?key=1",
    "https://functions.example/#part",
    "https://one.example/&functions=https://two.example/",
  ];
  for (const address of refused) {
    const query = address.replaceAll("#", "%23").replaceAll("?", "%3f");
    const page = new URL(`https://page.example/?functions=${query}`);
    assert.equal(functionsAddress(page).kind, "refused", address);
  }
});
