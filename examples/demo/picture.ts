/**
 * Draws pictures with a terminal's characters.
 *
 * @module
 */
import { pictureSide } from "../digits/fit.ts";

/** Shades of a terminal without colours, dark to bright. */
const ramp = " .:-=+*#%@";
const gap = "    ";

/**
 * Draws pictures of 28 x 28 pixels, values 0 to 255, side by side, with titles:
 * two pixels a character, in grey blocks or in plain characters.
 */
export function drawSideBySide(
  pictures: { title: string; pixels: Uint8Array }[],
  colour: boolean,
): string {
  const rows = [
    pictures.map(({ title }) => title.slice(0, pictureSide).padEnd(pictureSide))
      .join(gap).trimEnd(),
  ];
  for (let y = 0; y < pictureSide; y += 2) {
    const row = pictures.map(({ pixels }) => drawRow(pixels, y, colour));
    rows.push(row.join(gap));
  }
  return rows.join("\n");
}

/** Rows y and y + 1 of a picture as one line of text. */
function drawRow(pixels: Uint8Array, y: number, colour: boolean): string {
  let text = "";
  for (let x = 0; x < pictureSide; x++) {
    const upper = pixels[y * pictureSide + x];
    const lower = pixels[(y + 1) * pictureSide + x];
    text += colour
      ? `\x1b[38;2;${upper};${upper};${upper};48;2;${lower};${lower};${lower}m\u2580`
      : ramp[Math.floor((upper + lower) / 2 * ramp.length / 256)];
  }
  return colour ? text + "\x1b[0m" : text;
}
