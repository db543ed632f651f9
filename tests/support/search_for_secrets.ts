/** Finds secrets in texts, in whatever form a program would print them. */
import { encodeHex } from "@std/encoding/hex";

/** Bytes of a secret that are enough to know it by. */
const fragmentBytes = 12;

/**
 * Forms in which a fragment of `bytes` may stand in a text. Lists are searched for
 * without spaces and indices (see `searchForSecrets`).
 */
function* forms(bytes: Uint8Array): Generator<[form: string, text: string]> {
  const places = new Set([
    0,
    Math.max(0, (bytes.length - fragmentBytes) >> 1),
    Math.max(0, bytes.length - fragmentBytes),
  ]);
  for (const from of places) {
    const fragment = bytes.subarray(from, from + fragmentBytes);
    yield ["text", String.fromCharCode(...fragment)];
    yield ["hexadecimal", encodeHex(fragment)];
    yield ["list", fragment.join(",")];
    // Whichever way the whole is cut into groups of three bytes.
    for (let skip = 0; skip < 3; skip++) {
      const length = 3 * Math.floor((fragment.length - skip) / 3);
      const aligned = fragment.subarray(skip, skip + length);
      const base64 = btoa(String.fromCharCode(...aligned));
      yield ["base64", base64];
      yield [
        "base64url",
        base64.replaceAll("+", "-").replaceAll("/", "_"),
      ];
    }
  }
  const decimal = BigInt(`0x${encodeHex(bytes)}`).toString();
  if (decimal.length >= 20) {
    yield ["decimal", decimal.slice(0, 20)];
    yield ["decimal", decimal.slice(-20)];
  }
}

/** Names of the secrets found in `text`, each with the form it was found in. */
export function searchForSecrets(
  text: string,
  secrets: ReadonlyMap<string, Uint8Array>,
): string[] {
  const lower = text.toLowerCase();
  const lists = text.replace(/"\d+":|\\n|\s/g, "");
  const found: string[] = [];
  for (const [name, secret] of secrets) {
    const hit = forms(secret).find(([form, needle]) =>
      form === "hexadecimal"
        ? lower.includes(needle)
        : form === "list"
        ? lists.includes(needle)
        : text.includes(needle)
    );
    if (hit) found.push(`${name} (${hit[0]})`);
  }
  return found;
}
