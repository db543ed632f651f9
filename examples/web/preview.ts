/**
 * How other sites show a link to the page: a picture and where it is.
 *
 * @module
 */
import { encode } from "fast-png";
import type { Example } from "./messages.ts";

export const previewName = "preview.png";
/** The size that sites crop least. */
export const previewSize = { width: 1200, height: 630 };

/** Of the two pictures in it: pixels of 28 x 28 are squares of this side. */
const zoom = 18;
const side = 28 * zoom;
const gap = 64;
const top = (previewSize.height - side) / 2;
const left = (previewSize.width - 2 * side - gap) / 2;
const ground = [11, 92, 173];

/**
 * Draws the example's digit, and beside it the same digit encrypted.
 *
 * @returns a PNG
 * @throws {Error} if the example holds no encrypted picture
 */
export function drawPreview({ picture, told }: Example): Uint8Array {
  const hidden = told.find((message) => message.kind === "hidden");
  if (!hidden) throw new Error("Cannot draw the preview: no encrypted picture");
  const { width, height } = previewSize;
  const data = new Uint8Array(3 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    data.set(ground, 3 * pixel);
  }
  const draw = (pixels: readonly number[], x0: number) => {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const row = Math.floor(y / zoom), column = Math.floor(x / zoom);
        const at = 3 * ((top + y) * width + x0 + x);
        data.fill(pixels[28 * row + column], at, at + 3);
      }
    }
  };
  draw(picture, left);
  draw(hidden.pictures.digit, left + side + gap);
  return encode({ width, height, data, channels: 3 });
}

/**
 * The page with what names its preview, which must be an absolute address.
 *
 * @param site where the page will be, with its path
 * @throws {TypeError} if `site` is not a plain http or https address
 */
export function addPreview(html: string, site: string): string {
  const page = readSite(site);
  const image = new URL(previewName, page).href;
  const tags = [
    ["link", `rel="canonical" href="${page.href}"`],
    ["meta", `property="og:url" content="${page.href}"`],
    ["meta", `property="og:image" content="${image}"`],
    ["meta", `property="og:image:width" content="${previewSize.width}"`],
    ["meta", `property="og:image:height" content="${previewSize.height}"`],
    [
      "meta",
      'property="og:image:alt" content="A handwritten 7, and the same picture encrypted: noise"',
    ],
    ["meta", 'name="twitter:card" content="summary_large_image"'],
  ].map(([name, attributes]) => `    <${name} ${attributes}>\n`).join("");
  return html.replace("  </head>", `${tags}  </head>`);
}

function readSite(site: string): URL {
  const url = URL.canParse(site) ? new URL(site) : null;
  if (
    !url || !/^https?:$/.test(url.protocol) || url.username || url.search ||
    url.hash
  ) {
    throw new TypeError(
      `Cannot name the page's site: expected an address such as https://page.example/demo/, got ${site}`,
    );
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}
