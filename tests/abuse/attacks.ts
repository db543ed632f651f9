/**
 * What strangers and clients without manners do to functions: each attack goes on until
 * its process is ended.
 *
 * @module
 */
import { connect, generatePrivateKey, PrivateKey } from "../../sdk/mod.ts";
import { makeKeyProof } from "../../sdk/paillier/private/key_proof_make.ts";
import {
  decodeSessionResponse,
  encodeRoundRequest,
  encodeSessionRequest,
} from "../../sdk/wire/codec.ts";
import { inputCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { benchKey } from "../../bench/shared/keys.ts";

/** Readies what it needs; what it returns is the attack itself. */
export type Attack = (url: string) => Promise<() => Promise<unknown>>;

const cbor = { "content-type": "application/cbor" };

/** From an address of the attack's own: what one has used up is not missing in the next. */
const call: typeof fetch = (input, init) => fetch(input, { ...init, client });
let client: Deno.HttpClient | undefined;

function address(url: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(url);
  return { hostname, port: Number(port) };
}

/** Runs `work` again and again, `count` at a time, whatever it throws. */
async function forever(
  count: number,
  work: (i: number) => Promise<unknown>,
): Promise<void> {
  await Promise.all(Array.from({ length: count }, async (_, i) => {
    for (;;) {
      await work(i).catch(() => {});
      await pause(10);
    }
  }));
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

async function post(url: string, path: string, body: Uint8Array) {
  const response = await call(url + path, {
    method: "POST",
    headers: cbor,
    body: body as Uint8Array<ArrayBuffer>,
  });
  return { status: response.status, body: await response.bytes() };
}

function sessionBody(key: PrivateKey, model: string, samples = 1): Uint8Array {
  return encodeSessionRequest({
    model,
    modulus: key.publicKey.toBytes(),
    proof: makeKeyProof(key),
    samples,
  });
}

/** A first round of a session, with ciphertexts that are sound and mean nothing. */
async function firstRound(url: string, start: Uint8Array): Promise<Uint8Array> {
  const { status, body } = await post(url, "/v1/sessions", start);
  if (status !== 200) throw new Error(`no session: ${status}`);
  const { token, plan } = decodeSessionResponse(body);
  const count = inputCiphertexts(plan.rounds[0].layout);
  // Units modulo N^2, for sure: small ones.
  const ciphertexts = new Uint8Array(512 * count);
  for (let i = 0; i < count; i++) ciphertexts[512 * (i + 1) - 1] = 2;
  return encodeRoundRequest({ token, ciphertexts });
}

/** Sends a head, and then what `send` does over its connection. */
async function drip(
  url: string,
  headers: string[],
  send: (write: (text: string) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  using connection = await Deno.connect(address(url));
  const write = (text: string) =>
    connection.write(new TextEncoder().encode(text));
  const head = [
    "POST /v1/rounds/0 HTTP/1.1",
    "host: functions",
    "content-type: application/cbor",
    ...headers,
  ];
  await write(head.join("\r\n") + "\r\n\r\n");
  await send(write);
}

/** Many valid keys from few primes. */
async function manyKeys(count: number): Promise<PrivateKey[]> {
  const primes: bigint[] = [];
  const keys: PrivateKey[] = [];
  while (keys.length < count) {
    const [p, q] = (await generatePrivateKey(2048, { primes: 2 }))
      .exportPrimes();
    for (const prime of [p, q]) {
      for (const other of primes) {
        keys.push(PrivateKey.fromPrimes(prime, other));
      }
      primes.push(prime);
    }
  }
  return keys.slice(0, count);
}

export const attacks: Record<string, Attack> = {
  "200 bodies of a byte a second": (url) =>
    Promise.resolve(() =>
      forever(
        200,
        () =>
          drip(url, ["content-length: 100000"], async (write) => {
            for (;;) {
              await write("x");
              await pause(1000);
            }
          }),
      )
    ),
  "chunks of a byte": (url) =>
    Promise.resolve(() =>
      forever(
        8,
        () =>
          drip(url, ["transfer-encoding: chunked"], async (write) => {
            for (let i = 0; i < 600; i++) await write("1\r\nx\r\n".repeat(100));
          }),
      )
    ),
  "8 bodies of 32 MiB at 2 kB/s": (url) =>
    Promise.resolve(() =>
      forever(
        8,
        () =>
          drip(url, [`content-length: ${32 * 2 ** 20}`], async (write) => {
            for (;;) {
              await write("x".repeat(2000));
              await pause(1000);
            }
          }),
      )
    ),
  "1500 idle connections": (url) =>
    Promise.resolve(() =>
      forever(1500, async () => {
        using connection = await Deno.connect(address(url));
        await connection.read(new Uint8Array(1));
      })
    ),
  "1 MB of nonsense": (url) => {
    const body = new Uint8Array(2 ** 20);
    for (let at = 0; at < body.length; at += 65536) {
      crypto.getRandomValues(body.subarray(at, at + 65536));
    }
    return Promise.resolve(() =>
      forever(16, () => post(url, "/v1/rounds/0", body))
    );
  },
  "118 session starts of as many keys, and their first rounds": async (url) => {
    const bodies = (await manyKeys(118)).map((key) =>
      sessionBody(key, "lenet-mnist")
    );
    return () =>
      forever(bodies.length, async (i) => {
        const body = await firstRound(url, bodies[i]);
        await post(url, "/v1/rounds/0", body);
      });
  },
  "sessions of ever other batches": (url) => {
    const key = benchKey(2048);
    let samples = 0;
    return Promise.resolve(() =>
      forever(2, () => {
        samples = samples % 100 + 1;
        const body = sessionBody(key, "resnet20-cifar10", samples);
        return post(url, "/v1/sessions", body);
      })
    );
  },
  "one round again and again": async (url) => {
    const start = sessionBody(benchKey(2048), "lenet-mnist");
    const body = await firstRound(url, start);
    return () => forever(16, () => post(url, "/v1/rounds/0", body));
  },
  "a ResNet-20 client": async (url) => {
    const session = await connect({
      url,
      model: "resnet20-cifar10",
      keys: benchKey(2048),
      timeoutMs: 120_000,
      fetch: call,
    });
    const reading = Array(3 * 32 * 32).fill(0.5);
    return () => forever(1, () => session.infer(reading));
  },
};

/** Prints a line when it is ready, attacks when it gets one, and never ends by itself. */
if (import.meta.main) {
  const [name, url] = Deno.args;
  const place = Object.keys(attacks).indexOf(name);
  client = Deno.createHttpClient({ localAddress: `127.0.1.${1 + place}` });
  const run = await attacks[name](url);
  console.log("ready");
  await Deno.stdin.read(new Uint8Array(1));
  await run();
}
