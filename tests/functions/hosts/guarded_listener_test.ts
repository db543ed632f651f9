/** What `Deno.serve` does not survive or clean up. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { GuardedListener } from "../../../functions/hosts/guarded_listener.ts";

const loopback = { hostname: "127.0.0.1", port: 0 };

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

Deno.test("calls are answered under their callers' addresses, in large bodies too, and stop lets them end", async () => {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const listener = new GuardedListener(async (request, { remoteAddr }) => {
    const body = await request.bytes();
    if (new URL(request.url).pathname === "/slow") {
      begun.resolve();
      await released.promise;
    }
    const { hostname } = remoteAddr as Deno.NetAddr;
    return new Response(body, { headers: { "x-from": hostname } });
  }, loopback);
  const url = `http://127.0.0.1:${listener.port}`;
  const body = crypto.getRandomValues(new Uint8Array(50_000));
  const large = new Uint8Array(3_000_000).fill(1);
  large.set(body, 1_000_000);
  for (const content of [body, large]) {
    const response = await fetch(url, { method: "POST", body: content });
    equal(response.headers.get("x-from"), "127.0.0.1");
    deepEqual(await response.bytes(), content);
  }
  const slow = fetch(`${url}/slow`, { method: "POST", body });
  await begun.promise;
  const stopped = listener.stop();
  await rejects(fetch(url));
  released.resolve();
  deepEqual(await (await slow).bytes(), body);
  await stopped;
  await until(() => listener.connections === 0);
});

Deno.test("connections without a call are closed, whatever they send; those with one are not", async () => {
  const released = Promise.withResolvers<void>();
  const listener = new GuardedListener(async () => {
    await released.promise;
    return new Response("done");
  }, { ...loopback, idleMs: 50 });
  const address = { hostname: "127.0.0.1", port: listener.port };
  const answer = fetch(`http://127.0.0.1:${listener.port}/`);
  const silent = await Deno.connect(address);
  const trickling = await Deno.connect(address);
  let sends = true;
  const sending = (async () => {
    while (sends) {
      await trickling.write(Uint8Array.of(65)).catch(() => sends = false);
      await new Promise((done) => setTimeout(done, 10));
    }
  })();
  await until(() => listener.connections === 3);
  equal(await silent.read(new Uint8Array(1)), null);
  await trickling.read(new Uint8Array(100)).catch(() => null);
  sends = false;
  await sending;
  await until(() => listener.connections === 1);
  released.resolve();
  equal(await (await answer).text(), "done");
  silent.close();
  trickling.close();
  await listener.stop();
});

Deno.test("a connection whose body is refused is closed with the rest unread", async () => {
  const listener = new GuardedListener(
    () => new Response("no", { headers: { connection: "close" } }),
    loopback,
  );
  using connection = await Deno.connect({ port: listener.port });
  await connection.write(new TextEncoder().encode(
    "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nsome",
  ));
  let answer = "";
  const parts = connection.readable.pipeThrough(new TextDecoderStream());
  for await (const part of parts) answer += part;
  equal(answer.endsWith("\r\n\r\nno"), true, answer);
  await until(() => listener.connections === 0);
  await listener.stop();
});

Deno.test("refuses HTTP/2 in the clear when it comes, in one piece or in several: its calls and untaken answers are without bound", async () => {
  let calls = 0;
  const listener = new GuardedListener(() => {
    calls++;
    return new Response("in");
  }, loopback);
  // Its preface, settings, and a GET in HPACK's static table.
  const bytes = Uint8Array.from([
    ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ...[0, 0, 0, 4, 0, 0, 0, 0, 0],
    ...[0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x01, 1, 120],
  ]);
  for (const pieces of [[bytes], [...bytes].map((byte) => [byte])]) {
    using connection = await Deno.connect({ port: listener.port });
    connection.setNoDelay(true);
    for (const piece of pieces) {
      await connection.write(Uint8Array.from(piece)).catch(() => 0);
      await new Promise((done) => setTimeout(done, 2));
    }
    const answer = await connection.read(new Uint8Array(99)).catch(() => null);
    equal(answer, null);
  }
  equal(calls, 0);
  const posted = await fetch(`http://127.0.0.1:${listener.port}`, {
    method: "POST",
    body: "PRI * HTTP/2.0",
  });
  equal(await posted.text(), "in");
  await listener.stop();
});

Deno.test("closes a connection when its client sends on and on after the answer", async () => {
  const listener = new GuardedListener(() => new Response("no"), loopback);
  using connection = await Deno.connect({ port: listener.port });
  await connection.write(new TextEncoder().encode(
    "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n",
  ));
  const part = new Uint8Array(2 ** 16);
  let sent = 0;
  await rejects(async () => {
    while (sent < 5e8) sent += await connection.write(part);
  });
  await until(() => listener.connections === 0);
  await listener.stop();
});

Deno.test("the server behind it answers nobody else", async () => {
  const { serve } = Deno;
  let port = 0;
  Deno.serve = ((options: Deno.ServeTcpOptions, handler: Deno.ServeHandler) => {
    const server = serve(options, handler as Deno.ServeHandler<Deno.NetAddr>);
    port = server.addr.port;
    return server;
  }) as unknown as typeof Deno.serve;
  const listener = new GuardedListener(() => new Response("in"), loopback);
  Deno.serve = serve;
  const direct = await fetch(`http://127.0.0.1:${port}/`);
  equal(direct.status, 403);
  await direct.body?.cancel();
  await listener.stop();
});

Deno.test("a process without file descriptors lives on, and answers when there are some", async () => {
  const program = fileURLToPath(
    new URL("./guarded_process.ts", import.meta.url),
  );
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `ulimit -n 64; exec "${Deno.execPath()}" run -A --no-check "${program}"`,
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await reader.read()).value);
  const url = `http://127.0.0.1:${port}/`;
  const connections = await Promise.all(
    Array.from({ length: 100 }, () => Deno.connect({ port })),
  );
  // Those that it had no room for are closed.
  await Promise.any(
    connections.map(async (connection) => {
      const length = await connection.read(new Uint8Array(1)).catch(() => null);
      if (length !== null) throw new Error("unexpected bytes");
    }),
  );
  for (const connection of connections) connection.close();
  // The first may come while those are being closed.
  let answer = "";
  for (let tries = 0; answer === "" && tries < 100; tries++) {
    answer = await fetch(url).then((response) => response.text(), () => "");
  }
  equal(answer, "here");
  child.kill();
  await Promise.all([reader.cancel(), child.status]);
});
