/** A real process of the functions, everything it tells the outside world kept. */
import { fileURLToPath } from "node:url";
import { serveLocally } from "../../functions/hosts/serve_locally.ts";
const main = fileURLToPath(new URL("../../functions/main.ts", import.meta.url));

/** What a collector of OpenTelemetry was sent. */
export interface Collected {
  path: string;
  body: string;
}

export interface WatchedFunctions extends AsyncDisposable {
  url: string;
  /** All of standard output and standard error so far. */
  printed(): string;
  /** All that was exported so far. */
  collected(): readonly Collected[];
  /** Resolves once something exported satisfies `found`. */
  untilCollected(found: (collected: Collected) => boolean): Promise<void>;
  /** Resolves once what is printed satisfies `found`. */
  untilPrinted(found: (printed: string) => boolean): Promise<void>;
}

/** Starts `deno serve` with a collector of its own beside it. */
export async function watchFunctions(
  environment: Record<string, string>,
  { entry = main, flags = [] as string[] } = {},
): Promise<WatchedFunctions> {
  const collected: Collected[] = [];
  let printed = "";
  const waiting = new Set<() => void>();
  const changed = () => waiting.forEach((check) => check());
  const until = (holds: () => boolean) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = () => {
      if (holds()) {
        waiting.delete(check);
        resolve();
      }
    };
    waiting.add(check);
    check();
    return promise;
  };
  const collector = serveLocally(
    async (request) => {
      const { pathname } = new URL(request.url);
      collected.push({ path: pathname, body: await request.text() });
      changed();
      return Response.json({});
    },
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: ["serve", "-A", "--host=127.0.0.1", "--port=0", ...flags, entry],
    env: {
      CIPHERLAYER_STATE: "kv::memory:",
      CIPHERLAYER_INSECURE_KEYS: "1",
      NO_COLOR: "1",
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_PROPAGATORS: "none",
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_BLRP_SCHEDULE_DELAY: "100",
      OTEL_METRIC_EXPORT_INTERVAL: "300",
      ...environment,
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      printed += text;
      changed();
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const address = () => /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0];
  await Promise.race([
    until(() => address() !== undefined),
    child.status.then(() => {
      throw new Error(`The functions ended: ${printed}`);
    }),
  ]);
  return {
    url: address()!,
    printed: () => printed,
    collected: () => collected,
    untilCollected: (found) => until(() => collected.some(found)),
    untilPrinted: (found) => until(() => found(printed)),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await reading;
      await collector.shutdown();
    },
  };
}
