import { equal, match, ok } from "node:assert/strict";
import { drawSideBySide } from "../../examples/demo/picture.ts";

const pixels = new Uint8Array(784);
pixels[0] = 255; // upper left
pixels[28] = 255; // below it: the same character
pixels[783] = 128; // lower right

Deno.test("plain characters: 14 rows, bright pixels as dense characters", () => {
  const lines = drawSideBySide(
    [{ title: "left", pixels }, { title: "right", pixels }],
    false,
  ).split("\n");
  equal(lines.length, 15);
  match(lines[0], /^left {28}right$/);
  ok(lines[1].startsWith("@ ") && lines[1][32] === "@");
  equal(lines[14].length, 60);
  equal(lines[14].trim().length, 33);
  ok(!lines.join().includes("\x1b"));
});

Deno.test("grey blocks: each pixel keeps its value", () => {
  const [, first] = drawSideBySide([{ title: "", pixels }], true).split("\n");
  ok(first.startsWith("\x1b[38;2;255;255;255;48;2;255;255;255m\u2580"));
  ok(first.endsWith("\x1b[0m"));
  equal(first.split("\u2580").length - 1, 28);
});
