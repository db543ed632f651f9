/**
 * Which cloud the page asks: its own host, or the one that its address names.
 *
 * @module
 */

/** Where the functions are, and whether the user must agree first. */
export type FunctionsAddress =
  | { kind: "own"; url: URL }
  /** Named by the link: nothing is sent before the user agrees. */
  | { kind: "named"; url: URL }
  | { kind: "refused"; reason: string };

/** Reads `?functions=https://...` of the page's address. */
export function functionsAddress(page: URL): FunctionsAddress {
  const named = page.searchParams.getAll("functions");
  if (named.length === 0) return { kind: "own", url: new URL(".", page) };
  const refused = (reason: string): FunctionsAddress => ({
    kind: "refused",
    reason: `This page's link names a cloud that cannot be used: ${reason}`,
  });
  if (named.length > 1) return refused("it names several.");
  if (!URL.canParse(named[0])) return refused("it is no address.");
  const url = new URL(named[0]);
  if (url.protocol !== "https:" && url.origin !== page.origin) {
    return refused("its address must begin with https://.");
  }
  if (url.username || url.password || url.search || url.hash) {
    return refused("its address holds more than a host and a path.");
  }
  return { kind: "named", url };
}
