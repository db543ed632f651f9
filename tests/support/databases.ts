/** Private Redis and Postgres servers on free ports, for tests that skip without them. */
import { join } from "node:path";
import postgres from "postgres";

/** A server of this machine, whose data outlives its process. */
export interface DatabaseServer extends AsyncDisposable {
  /** With its password. */
  url: string;
  folder: string;
  pid(): number;
  /** Ends it as a crash does, where it is running. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export const password = "correct-horse";

interface Program {
  command: string;
  args: string[];
  /** The account it runs under. */
  account?: Account;
  /** What it prints once it takes connections. */
  ready: string;
  crash: Deno.Signal;
  url: string;
  folder: string;
}

interface Account {
  uid: number;
  gid: number;
}

const redisProgram = findProgram(["redis-server", "valkey-server"]);
const postgresFolder = findPostgres();
const account = Deno.uid() === 0 ? accountOf("postgres") : undefined;

export const hasRedis = redisProgram !== undefined;
/** As root it runs under an account of its own: it refuses root's. */
export const hasPostgres = postgresFolder !== undefined &&
  (Deno.uid() !== 0 || account !== undefined);

/** A Redis server that loses nothing that it has answered, as long as the machine lives. */
export async function startRedis(
  args: string[] = [],
): Promise<DatabaseServer> {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  return await startServer({
    command: redisProgram!,
    args: [
      ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder],
      ...["--requirepass", password, "--masterauth", password, "--save", ""],
      ...["--appendonly", "yes", "--appendfsync", "no"],
      ...["--repl-diskless-sync-delay", "0", ...args],
    ],
    ready: "Ready to accept connections",
    crash: "SIGKILL",
    url: `redis://:${password}@127.0.0.1:${port}`,
    folder,
  });
}

/** A Postgres server with a role and database of its own. */
export async function startPostgres(): Promise<DatabaseServer> {
  const folder = await Deno.makeTempDir();
  const data = join(folder, "data"), passwordFile = join(folder, "password");
  const port = freePort();
  await Deno.writeTextFile(passwordFile, password);
  if (account) {
    for (const path of [folder, passwordFile]) {
      await Deno.chown(path, account.uid, account.gid);
    }
  }
  const { success, stderr } = await new Deno.Command(
    join(postgresFolder!, "initdb"),
    {
      args: [
        ...["--pgdata", data, "--username", "postgres", "--no-sync"],
        ...["--auth", "scram-sha-256", `--pwfile=${passwordFile}`],
      ],
      cwd: folder,
      ...account,
    },
  ).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return await startServer({
    command: join(postgresFolder!, "postgres"),
    args: [
      ...["-D", data, "-p", `${port}`, "-c", "listen_addresses=127.0.0.1"],
      ...["-k", "", "-c", "log_line_prefix="],
    ],
    account,
    ready: "database system is ready to accept connections",
    crash: "SIGQUIT",
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    folder,
  });
}

async function startServer(program: Program): Promise<DatabaseServer> {
  let child: Deno.ChildProcess | undefined;
  const log = join(program.folder, "log");
  const kill = async (signal: Deno.Signal = program.crash) => {
    const ending = child;
    child = undefined;
    ending?.kill(signal);
    await ending?.status;
  };
  const start = async () => {
    const starting = child = new Deno.Command("sh", {
      args: [
        "-c",
        'exec "$0" "$@" >log 2>&1',
        program.command,
        ...program.args,
      ],
      cwd: program.folder,
      stdin: "null",
      ...program.account,
    }).spawn();
    let ended = false;
    starting.status.then(() => ended = true);
    for (;;) {
      const text = await Deno.readTextFile(log).catch(() => "");
      if (text.includes(program.ready)) return;
      if (ended) throw new Error(text);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await start();
  return {
    url: program.url,
    folder: program.folder,
    pid: () => child!.pid,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      await Deno.remove(program.folder, { recursive: true });
    },
  };
}

/** Databases of their own on servers that are kept until the tests of a file have ended. */
const kept = new Map<string, Promise<DatabaseServer>>();
let databases = 0;

/** The address of an empty database. */
export async function freshDatabase(
  kind: "redis" | "postgres",
): Promise<string> {
  const server = kept.get(kind) ??
    (kind === "redis" ? startRedis(["--databases", "1000"]) : startPostgres());
  if (!kept.has(kind)) {
    kept.set(kind, server);
    const { pid, folder } = await server;
    globalThis.addEventListener("unload", () => {
      Deno.kill(pid(), kind === "redis" ? "SIGKILL" : "SIGQUIT");
      Deno.removeSync(folder, { recursive: true });
    });
  }
  const { url } = await server;
  const number = databases++;
  if (kind === "redis") return `${url}/${number}`;
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(`CREATE DATABASE test_${number}`);
  await sql.end();
  return url.replace(/postgres$/, `test_${number}`);
}

function findProgram(names: string[]): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return names.flatMap((name) => folders.map((folder) => join(folder, name)))
    .find(exists);
}

/** Debian keeps Postgres's own programs aside. */
function findPostgres(): string | undefined {
  const initdb = findProgram(["initdb"]);
  if (initdb) return join(initdb, "..");
  const versions = "/usr/lib/postgresql";
  if (!exists(versions)) return undefined;
  return Array.from(Deno.readDirSync(versions), ({ name }) => name)
    .map((name) => join(versions, name, "bin"))
    .find((folder) => exists(join(folder, "initdb")));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function accountOf(name: string): Account | undefined {
  const line = Deno.readTextFileSync("/etc/passwd").split("\n")
    .find((line) => line.startsWith(`${name}:`));
  if (!line) return undefined;
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
