/**
 * Where a call comes from, for rates and turns.
 *
 * @module
 */
/**
 * Where a call comes from (`callerNetwork`), as `Deno.serve` and `deno serve` tell it;
 * undefined on hosts that tell it in another way or not at all.
 *
 * @param host the second argument of the application's `fetch`
 */
export function remoteAddress(host: unknown): string | undefined {
  const { remoteAddr } = (host ?? {}) as {
    remoteAddr?: { hostname?: unknown };
  };
  return callerNetwork(remoteAddr?.hostname);
}

/**
 * What distinguishes callers: an IPv4 address or, of an IPv6 address, the network of
 * 64 bits, since the owner of one address there has them all; undefined for anything but
 * text.
 */
export function callerNetwork(address: unknown): string | undefined {
  if (typeof address !== "string") return undefined;
  if (!address.includes(":")) return address;
  const version4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return version4 ?? network64(address);
}

function network64(address: string): string {
  const [head, tail] = address.split("::").map((part) =>
    part === "" ? [] : part.split(":")
  );
  const zeros = tail ? Array(8 - head.length - tail.length).fill("0") : [];
  return [...head, ...zeros, ...tail ?? []].slice(0, 4).join(":") + "::/64";
}
