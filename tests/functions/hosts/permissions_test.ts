import { deepEqual } from "node:assert/strict";
import { permissionsFor } from "../../../functions/hosts/permissions.ts";

const place = { models: "/m", hostname: "127.0.0.1", port: 8000 };

/** Paths and hosts of a flag, the code's own left out. */
function allowed(env: Record<string, string>, flag: string): string[] {
  const text = permissionsFor(env, place).find((text) => text.startsWith(flag));
  const values = text?.slice(flag.length + 1).split(",") ?? [];
  return values.filter((value) => !/\/(functions|sdk|models|std)$/.test(value));
}

Deno.test("by default the process may read models, write nothing and call nobody", () => {
  deepEqual(allowed({}, "--allow-read"), ["/m"]);
  deepEqual(allowed({}, "--allow-write"), []);
  deepEqual(allowed({}, "--allow-net"), ["127.0.0.1", "127.0.0.1:8000"]);
  const names = permissionsFor({}, place).map((flag) => flag.split("=")[0]);
  deepEqual(names, ["--allow-env", "--allow-read", "--allow-net"]);
});

Deno.test("the process may use what settings name and no more", () => {
  const env = {
    CIPHERLAYER_STATE: "kv:/data/kv/kv.sqlite3",
    CIPHERLAYER_STORE: "/data/store",
    CIPHERLAYER_ACCESS: "/etc/access.jsonl",
  };
  deepEqual(allowed(env, "--allow-read"), [
    "/m",
    "/data/kv",
    "/data/store",
    "/etc/access.jsonl",
  ]);
  deepEqual(allowed(env, "--allow-write"), ["/data/kv", "/data/store"]);
  const remote = {
    CIPHERLAYER_STATE: "kv:https://kv.example/db",
    CIPHERLAYER_STORE: "s3://bucket/prefix",
    AWS_REGION: "eu-central-1",
    CIPHERLAYER_ACCESS: '{"account":"a"}',
  };
  deepEqual(allowed(remote, "--allow-read"), ["/m"]);
  deepEqual(allowed(remote, "--allow-net").slice(2), [
    "kv.example",
    "s3.eu-central-1.amazonaws.com",
  ]);
});

Deno.test("a certificate and its key may be read, and where links to them lead", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${folder}/archive`);
  await Deno.writeTextFile(`${folder}/archive/key1.pem`, "");
  await Deno.symlink(`${folder}/archive/key1.pem`, `${folder}/key.pem`);
  const certificate = { cert: "/none/cert.pem", key: `${folder}/key.pem` };
  const flags = permissionsFor({}, { ...place, certificate });
  const read = flags.find((flag) => flag.startsWith("--allow-read="))!;
  deepEqual(read.split(",").slice(-3), [
    "/none/cert.pem",
    `${folder}/key.pem`,
    `${folder}/archive`,
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a database on the network is reached at its host and port, and nowhere else", () => {
  const reached = (state: string) =>
    allowed({ CIPHERLAYER_STATE: state }, "--allow-net").slice(2);
  deepEqual(reached("redis://:p@redis.example/1"), ["redis.example:6379"]);
  deepEqual(reached("rediss://redis.example:6380"), ["redis.example:6380"]);
  deepEqual(reached("postgres://u:p@a.example,b.example:5433/db"), [
    "a.example:5432",
    "b.example:5433",
  ]);
  const folder = { CIPHERLAYER_STATE: "folder:/data/spent" };
  deepEqual(allowed(folder, "--allow-write"), ["/data/spent"]);
});
