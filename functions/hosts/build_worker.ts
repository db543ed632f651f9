/**
 * Writes the functions and their models as a Cloudflare Worker. Runtime: Deno.
 *
 * @module
 */
import { bundle } from "./bundle.ts";
import { packageFolders } from "./package_folders.ts";
import { portableSettings } from "../settings/settings.ts";

/** Runtime behaviour that the worker was tested with. */
const compatibilityDate = "2026-10-01";

interface Module {
  name: string;
  kind: "esModule" | "data";
}

/**
 * Fills `folder` with the worker's modules, `config.capnp` for `workerd` and
 * `wrangler.json` for Cloudflare. Spent tokens are kept in `<folder>/spent` by
 * `workerd`.
 *
 * @param options `models`: folder of package folders, all of which are embedded;
 * `address`: where `workerd` listens
 * @throws {Error} with what the bundler said, or if there is no package
 */
export async function buildWorker(
  folder: string,
  options: { models: string; address: string },
): Promise<void> {
  const packages = await packageFolders(options.models);
  await Deno.mkdir(`${folder}/spent`, { recursive: true });
  await bundle("functions/hosts/worker.ts", `${folder}/functions.js`, {
    minify: true,
  });
  const modules: Module[] = [
    { name: "worker.js", kind: "esModule" },
    { name: "functions.js", kind: "esModule" },
  ];
  const imports: string[] = [], models: string[] = [];
  for (const [model, source] of packages) {
    const files: string[] = [];
    for await (const { name, isFile } of Deno.readDir(source)) {
      if (!isFile) continue;
      const module = `${model}.${name}.bin`;
      await Deno.copyFile(`${source}/${name}`, `${folder}/${module}`);
      modules.push({ name: module, kind: "data" });
      const variable = `file${imports.length}`;
      imports.push(`import ${variable} from ${JSON.stringify(`./${module}`)};`);
      files.push(`[${JSON.stringify(name)}, new Uint8Array(${variable})]`);
    }
    models.push(
      `  [${JSON.stringify(model)}, new Map([${files.join(", ")}])],`,
    );
  }
  const entry = [
    'import { createWorker } from "./functions.js";',
    ...imports,
    'export { SpentToken } from "./functions.js";',
    "export default createWorker(new Map([",
    ...models,
    "]));",
    "",
  ];
  await Deno.writeTextFile(`${folder}/worker.js`, entry.join("\n"));
  await Deno.writeTextFile(
    `${folder}/config.capnp`,
    workerdConfig(modules, options.address),
  );
  await Deno.writeTextFile(`${folder}/wrangler.json`, wranglerConfig());
}

function workerdConfig(modules: Module[], address: string): string {
  const text = JSON.stringify;
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "functions", worker = .functions),
    (name = "spent", disk = (path = "spent", writable = true)),
  ],
  sockets = [
    (name = "http", address = ${
    text(address)
  }, http = (), service = "functions"),
  ],
);

const functions :Workerd.Worker = (
  compatibilityDate = ${text(compatibilityDate)},
  modules = [
${
    modules.map(({ name, kind }) =>
      `    (name = ${text(name)}, ${kind} = embed ${text(name)}),`
    ).join("\n")
  }
  ],
  bindings = [
${
    portableSettings.map((name) =>
      `    (name = ${text(name)}, fromEnvironment = ${text(name)}),`
    ).join("\n")
  }
    (name = "SPENT_TOKENS", durableObjectNamespace = "SpentToken"),
  ],
  durableObjectNamespaces = [
    (className = "SpentToken", uniqueKey = "cipherlayer-spent-tokens", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "spent"),
);
`;
}

function wranglerConfig(): string {
  return JSON.stringify(
    {
      name: "cipherlayer",
      main: "worker.js",
      compatibility_date: compatibilityDate,
      no_bundle: true,
      find_additional_modules: true,
      rules: [{ type: "ESModule", globs: ["**/*.js"] }],
      durable_objects: {
        bindings: [{ name: "SPENT_TOKENS", class_name: "SpentToken" }],
      },
      migrations: [{ tag: "v1", new_sqlite_classes: ["SpentToken"] }],
      limits: { cpu_ms: 30_000 },
    },
    null,
    2,
  ) + "\n";
}
