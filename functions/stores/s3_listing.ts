/**
 * Pages of an S3 listing, read strictly: a page that is cut, or not one at all, must
 * not pass for one with fewer objects.
 *
 * @module
 */
import { isObjectKey } from "./object_store.ts";

export interface ListingPage {
  /** Objects whose keys can be ours; keys as the bucket has them. */
  sizes: [key: string, bytes: number][];
  /** Where the next page begins; undefined on the last. */
  next: string | undefined;
}

/**
 * Reads one answer of ListObjectsV2.
 *
 * @param prefix what was asked for: each key begins with it
 * @throws {RangeError} telling what is wrong about it
 */
export function parseListing(xml: string, prefix: string): ListingPage {
  const [, content] = /<ListBucketResult[^<>]*>([^]*)<\/ListBucketResult>\s*$/
    .exec(xml) ?? [];
  if (content === undefined) {
    throw new RangeError(
      xml.includes("<ListBucketResult")
        ? "the listing breaks off"
        : "the answer is no listing",
    );
  }
  const entries = Array.from(
    content.matchAll(/<Contents>([^]*?)<\/Contents>/g),
    ([, entry]) => entry,
  );
  const count = element(content, "KeyCount");
  if (count !== undefined && Number(count) !== entries.length) {
    throw new RangeError(
      `the listing holds ${entries.length} objects and says ${count}`,
    );
  }
  const isTruncated = element(content, "IsTruncated");
  const next = element(content, "NextContinuationToken");
  if (isTruncated !== "true" && isTruncated !== "false") {
    throw new RangeError("the listing does not say whether it is complete");
  }
  if (isTruncated === "true" && !next) {
    throw new RangeError("the listing is not complete and has no next page");
  }
  return {
    sizes: entries.map((entry) => readEntry(entry, prefix))
      // Others may keep objects there.
      .filter(([key]) => isObjectKey(key)),
    next: isTruncated === "true" ? unescapeXml(next!) : undefined,
  };
}

function readEntry(entry: string, prefix: string): [string, number] {
  const key = element(entry, "Key");
  const size = element(entry, "Size");
  if (key === undefined || !/^\d{1,15}$/.test(size ?? "")) {
    throw new RangeError("the listing has an object without key or size");
  }
  // Keys are of our own alphabet, which XML leaves as it is.
  if (!key.startsWith(prefix)) {
    throw new RangeError("the listing has an object that was not asked for");
  }
  return [key, Number(size)];
}

/** The text of the first element of a name, if there is one. */
export function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}

function unescapeXml(text: string): string {
  const marks = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(
    /&(lt|gt|quot|apos|amp);/g,
    (_, name: keyof typeof marks) => marks[name],
  );
}
