/** Small valid inputs, one a file, made by the project itself (`make_corpus.ts`). */
const folder = new URL("corpus/", import.meta.url);

/** All samples of one format, by name. */
export function readCorpus(format: string): Uint8Array<ArrayBuffer>[] {
  const path = new URL(`${format}/`, folder);
  return [...Deno.readDirSync(path)]
    .map(({ name }) => name)
    .sort()
    .map((name) => Deno.readFileSync(new URL(name, path)));
}
