import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url).pathname;

/** Paths, relative to the repository, of all local modules that `entry` loads. */
async function moduleGraph(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", root + entry],
    stderr: "inherit",
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  const prefix = `file://${root}`;
  return modules
    .map(({ specifier }: { specifier: string }) => specifier)
    .filter((specifier: string) => specifier.startsWith(prefix))
    .map((specifier: string) => specifier.slice(prefix.length));
}

const privateCode =
  /private|key_generation|key_owner|owner_engine|key_proof_make|residue_base|randomiser_pool|key_store|jwk|primes\.ts|sdk\/mod\.ts|sdk\/session|^(examples|tests|bench)\//;
const permitted = ["sdk/paillier/small_primes.ts"];

Deno.test("the functions load no private-key code", async () => {
  // A thread's entry is named by a URL, so the graph of main.ts ends before it.
  const entries = ["main", "thread", "hosts/node", "hosts/node_thread"];
  for (const name of [...entries, "hosts/worker"]) {
    const entry = `functions/${name}.ts`;
    const graph = await moduleGraph(entry);
    assert(graph.includes("functions/app.ts") && graph.length > 40);
    assert.deepEqual(
      graph.filter((path) =>
        privateCode.test(path) && !permitted.includes(path)
      ),
      [],
    );
  }
});

Deno.test("the check sees private-key code where there is some", async () => {
  const graph = await moduleGraph("sdk/mod.ts");
  assert(graph.some((path) => privateCode.test(path)));
});
