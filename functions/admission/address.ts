/**
 * Where a call comes from, as `Deno.serve` and `deno serve` tell it; undefined on
 * hosts that tell it in another way or not at all. Of an IPv6 address the network of
 * 64 bits: whoever has one address there has them all.
 *
 * @param host the second argument of the application's `fetch`
 */
export function remoteAddress(host: unknown): string | undefined {
  const { remoteAddr } = (host ?? {}) as {
    remoteAddr?: { hostname?: unknown };
  };
  const name = remoteAddr?.hostname;
  if (typeof name !== "string") return undefined;
  if (!name.includes(":")) return name;
  const version4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(name)?.[1];
  return version4 ?? network64(name);
}

function network64(address: string): string {
  const [head, tail] = address.split("::").map((part) =>
    part === "" ? [] : part.split(":")
  );
  const zeros = tail ? Array(8 - head.length - tail.length).fill("0") : [];
  return [...head, ...zeros, ...tail ?? []].slice(0, 4).join(":") + "::/64";
}
