import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);

/** Paths, relative to the repository, of all local modules that `entry` loads. */
async function moduleGraph(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", fileURLToPath(new URL(entry, root))],
    stderr: "inherit",
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  const prefix = root.href;
  return modules
    .map(({ specifier }: { specifier: string }) => specifier)
    .filter((specifier: string) => specifier.startsWith(prefix))
    .map((specifier: string) => specifier.slice(prefix.length));
}

/** What the functions may load of the SDK: nothing that knows a private key or a reading. */
const permittedOfSdk = [
  "sdk/activations/",
  "sdk/fixed_point/",
  "sdk/garbling/",
  "sdk/paillier/public/",
  "sdk/paillier/wasm/",
  // What a gateway checks of a plan: models are checked so before they are served.
  "sdk/session/check_plan.ts",
  "sdk/session/plan_limits.ts",
  "sdk/session/spatial_reach.ts",
  "sdk/support/",
  "sdk/transfer/",
  "sdk/wire/",
];
/** What they may load besides; the compiler, the zoo and the command line are not among it. */
const permitted = [
  ...permittedOfSdk,
  "functions/",
  "models/package/",
  "models/planner/",
  "models/protections/",
  "std/",
];

function findForbidden(graph: string[]): string[] {
  return graph.filter((path) =>
    !permitted.some((folder) => path.startsWith(folder))
  );
}

Deno.test("functions load nothing outside the folders permitted to them", async () => {
  // A thread's entry is named by a URL, so the graph of main.ts ends before it.
  const entries = [
    "main",
    "threads/thread",
    "hosts/node",
    "hosts/node_thread",
    "hosts/worker",
  ];
  for (const name of entries) {
    const graph = await moduleGraph(`functions/${name}.ts`);
    assert(graph.includes("functions/app.ts") && graph.length > 40);
    assert.deepEqual(findForbidden(graph), [], name);
  }
});

Deno.test("the check finds private-key code in the SDK's own graph", async () => {
  const forbidden = findForbidden(await moduleGraph("sdk/mod.ts"));
  assert(forbidden.some((path) => path.startsWith("sdk/paillier/private/")));
});
