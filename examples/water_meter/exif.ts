/**
 * What a JPEG's EXIF says of how it was held and when it was taken.
 *
 * @module
 */

/** EXIF of a picture; null for what it does not tell. */
export interface Exif {
  /** 1 to 8, as the standard counts them; 1 is upright. */
  orientation: number;
  /** When it was taken. Without a time zone that of this machine is taken. */
  takenAtMs: number | null;
}

const tags = {
  orientation: 0x0112,
  changedAt: 0x0132,
  exifFields: 0x8769,
  takenAt: 0x9003,
  zone: 0x9011,
} as const;

/** Reads EXIF; where there is none, or it is damaged, without a warning. */
export function readExif(jpeg: Uint8Array): Exif {
  try {
    const fields = readFields(jpeg);
    const orientation = Number(fields.get(tags.orientation) ?? 1);
    const time = fields.get(tags.takenAt) ?? fields.get(tags.changedAt);
    return {
      orientation: orientation >= 1 && orientation <= 8 ? orientation : 1,
      takenAtMs: timeOf(String(time ?? ""), String(fields.get(tags.zone))),
    };
  } catch (error) {
    // Offsets that lead out of the segment.
    if (!(error instanceof RangeError)) throw error;
    return { orientation: 1, takenAtMs: null };
  }
}

/** "2026:01:31 12:00:00" and "+01:00". */
function timeOf(text: string, zone: string): number | null {
  const match = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)/.exec(text);
  if (!match) return null;
  const [, year, month, day, time] = match;
  const offset = /^[+-]\d\d:\d\d/.exec(zone)?.[0] ?? "";
  const atMs = Date.parse(`${year}-${month}-${day}T${time}${offset}`);
  return Number.isFinite(atMs) ? atMs : null;
}

function readFields(jpeg: Uint8Array): Map<number, number | string> {
  const fields = new Map<number, number | string>();
  const tiff = findTiff(jpeg);
  if (tiff === null) return fields;
  const little = tiff.getUint16(0) === 0x4949;
  readFolder(tiff, tiff.getUint32(4, little), little, fields);
  const more = fields.get(tags.exifFields);
  if (typeof more === "number") readFolder(tiff, more, little, fields);
  return fields;
}

/** The TIFF part of the APP1 segment that begins with "Exif". */
function findTiff(jpeg: Uint8Array): DataView | null {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  // Segments: a marker of two bytes, then their length; pixels follow 0xffda.
  for (let at = 2; at + 4 <= jpeg.length;) {
    const marker = view.getUint16(at), length = view.getUint16(at + 2);
    if (marker < 0xff00 || marker === 0xffda) return null;
    if (
      marker === 0xffe1 && length > 8 && view.getUint32(at + 4) === 0x45786966
    ) {
      return new DataView(
        jpeg.buffer,
        jpeg.byteOffset + at + 10,
        Math.min(length - 8, jpeg.length - at - 10),
      );
    }
    at += 2 + length;
  }
  return null;
}

/** Short, long and text fields of one folder (IFD), 12 bytes each. */
function readFolder(
  tiff: DataView,
  start: number,
  little: boolean,
  fields: Map<number, number | string>,
): void {
  const count = tiff.getUint16(start, little);
  for (let i = 0; i < count; i++) {
    const at = start + 2 + 12 * i;
    const tag = tiff.getUint16(at, little),
      type = tiff.getUint16(at + 2, little);
    if (type === 3) fields.set(tag, tiff.getUint16(at + 8, little));
    if (type === 4) fields.set(tag, tiff.getUint32(at + 8, little));
    if (type === 2) {
      const length = Math.min(tiff.getUint32(at + 4, little), 64);
      const from = length > 4 ? tiff.getUint32(at + 8, little) : at + 8;
      const codes = Array.from(
        { length },
        (_, k) => tiff.getUint8(from + k),
      );
      fields.set(tag, String.fromCharCode(...codes));
    }
  }
}
