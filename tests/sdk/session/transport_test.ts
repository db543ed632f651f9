import {
  deepEqual,
  equal,
  match,
  ok,
  rejects,
  throws,
} from "node:assert/strict";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { createTransport } from "../../../sdk/session/transport.ts";
import { serveLocally } from "../../../functions/hosts/serve_locally.ts";

const body = Uint8Array.of(1, 2, 3);

/** Runs `use` against a real server that answers with `handler`. */
async function withServer(
  handler: (request: Request) => Response | Promise<Response>,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = serveLocally(
    handler,
  );
  try {
    await use(`${server.url}/base`);
  } finally {
    await server.shutdown();
  }
}

/** The fault of one call to a server that answers with `response`. */
async function faultOf(
  response: () => Response,
  maxBytes = 100,
): Promise<CipherlayerError> {
  let fault: unknown;
  await withServer(response, async (url) => {
    const post = createTransport({ url, timeoutMs: 10_000 });
    fault = await post("v1/x", body, { maxBytes }).catch((error) => error);
  });
  ok(fault instanceof CipherlayerError, `${fault}`);
  return fault;
}

const cbor = { "content-type": "application/cbor" };

Deno.test("posts the bytes below the base URL and reads the answer", async () => {
  await withServer(async (request) => {
    equal(new URL(request.url).pathname, "/base/v1/rounds/0");
    equal(new URL(request.url).search, "?shard=0/2");
    equal(request.headers.get("content-type"), "application/cbor");
    deepEqual(await request.bytes(), body);
    return new Response(Uint8Array.of(9, 8), {
      headers: { ...cbor, "server-timing": "total;dur=9, evaluate;dur=12.5" },
    });
  }, async (url) => {
    const post = createTransport({ url, timeoutMs: 10_000 });
    const reply = await post("v1/rounds/0?shard=0/2", body, { maxBytes: 2 });
    deepEqual(reply, { body: Uint8Array.of(9, 8), evaluateMs: 12.5 });
  });
});

Deno.test("an answer without Server-Timing, or with nonsense in it, has no time", async () => {
  for (const timing of ["", "evaluate;dur=1.2.3", "evaluated;dur=3"]) {
    await withServer(
      () => new Response("", { headers: { ...cbor, "server-timing": timing } }),
      async (url) => {
        const post = createTransport({ url, timeoutMs: 10_000 });
        equal((await post("", body, { maxBytes: 0 })).evaluateMs, null);
      },
    );
  }
});

Deno.test("an unreachable server is a retryable network fault", async () => {
  const server = serveLocally(
    () => new Response(),
  );
  const url = server.url;
  await server.shutdown();
  const post = createTransport({ url, timeoutMs: 10_000 });
  await rejects(post("v1/sessions", body, { maxBytes: 9 }), (error) => {
    ok(error instanceof CipherlayerError);
    equal(error.code, "network");
    ok(error.retryable);
    match(
      error.message,
      /^Cannot reach http:\/\/127\.0\.0\.1:\d+\/v1\/sessions: /,
    );
    return true;
  });
});

Deno.test("a connection that breaks in the middle of the answer is a network fault", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const broken = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode(
      "HTTP/1.1 200 OK\r\ncontent-type: application/cbor\r\ncontent-length: 9\r\n\r\nhalf",
    ));
  })();
  const url = `http://127.0.0.1:${listener.addr.port}`;
  const post = createTransport({ url, timeoutMs: 10_000 });
  await rejects(post("v1/x", body, { maxBytes: 9 }), (error) => {
    ok(error instanceof CipherlayerError);
    deepEqual([error.code, error.retryable], ["network", true]);
    return true;
  });
  await broken;
});

Deno.test("gives up a server that never answers after the timeout", async () => {
  const answer = Promise.withResolvers<Response>();
  await withServer(() => answer.promise, async (url) => {
    const post = createTransport({ url, timeoutMs: 20 });
    await rejects(post("", body, { maxBytes: 9 }), (error) => {
      ok(error instanceof CipherlayerError && error.retryable);
      match(error.message, /no answer within 20 ms/);
      return true;
    });
    answer.resolve(new Response());
  });
});

Deno.test("an abort rejects with the caller's reason", async () => {
  const stop = new AbortController();
  const reason = new Error("no longer wanted");
  const answer = Promise.withResolvers<Response>();
  await withServer(() => {
    stop.abort(reason);
    return answer.promise;
  }, async (url) => {
    const post = createTransport({ url, timeoutMs: 10_000 });
    const call = () => post("", body, { maxBytes: 9, signal: stop.signal });
    await rejects(call(), (error) => error === reason);
    await rejects(call(), (error) => error === reason);
    answer.resolve(new Response());
  });
});

/** What the functions send for a fault. */
const problem = { "content-type": "application/problem+json" };

Deno.test("a problem document becomes an error with its code", async () => {
  const fault = await faultOf(() =>
    Response.json(
      {
        code: "token-expired",
        detail: "expired at 12:00\u001b[2J\n",
        retryable: false,
      },
      { status: 401, headers: problem },
    )
  );
  deepEqual([fault.code, fault.retryable], ["token-expired", false]);
  match(fault.message, /status 401, expired at 12:00 \[2J $/);
});

Deno.test("treats error replies that the functions did not send as network faults", async () => {
  const statuses = [400, 401, 403, 404, 413, 425, 429, 500, 502, 503];
  for (const status of [...statuses, 520, 522, 525, 530]) {
    const fault = await faultOf(() =>
      new Response("<html>", {
        status,
        headers: { "retry-after": "3", "content-type": "text/html" },
      })
    );
    deepEqual([fault.code, fault.retryable], ["network", true]);
    equal(fault.retryAfterMs, 3000);
    ok(fault.message.includes(
      `status ${status}, text/html in place of the functions' own words`,
    ));
  }
  const json = await faultOf(() =>
    Response.json({ code: "unauthenticated" }, { status: 401 })
  );
  deepEqual([json.code, json.retryable], ["network", true]);
});

Deno.test("follows the functions' word on retrying rather than the status", async () => {
  const fault = await faultOf(() =>
    Response.json(
      { code: "budget-exceeded", detail: "", retryable: false },
      { status: 429, headers: problem },
    )
  );
  deepEqual([fault.code, fault.retryable], ["budget-exceeded", false]);
});

Deno.test("an unknown code is a server fault; a reply without one is a network fault", async () => {
  for (
    const [code, expected] of [
      ["toString", "server-fault"],
      ["whatever", "server-fault"],
      [7, "network"],
    ]
  ) {
    const reply = () =>
      Response.json({ code }, { status: 400, headers: problem });
    equal((await faultOf(reply)).code, expected);
  }
});

Deno.test("treats a page in place of an answer as a network fault", async () => {
  const fault = await faultOf(() =>
    new Response("<html>", { headers: { "content-type": "text/html" } })
  );
  deepEqual([fault.code, fault.retryable], ["network", true]);
  match(
    fault.message,
    /expected application\/cbor, got text\/html; is this the functions' address/,
  );
});

for (
  const [url, got] of [
    ["127.0.0.1:8000", '"127.0.0.1:8000"'],
    ["not a url", '"not a url"'],
    ["ftp://host", '"ftp://host"'],
    ["user:hunter2@host", "another"],
    [undefined, "undefined"],
    [null, "null"],
  ] as [string, string][]
) {
  Deno.test(`refuses ${url} as an address, by the argument's name`, () => {
    throws(
      () => createTransport({ url, timeoutMs: 1 }),
      new TypeError(
        `Cannot connect: expected url to be an address such as http://127.0.0.1:8000, got ${got}`,
      ),
    );
  });
}

Deno.test("refuses a timeout that is no time", () => {
  for (const timeoutMs of [0, -1, NaN]) {
    throws(
      () => createTransport({ url: "http://localhost", timeoutMs }),
      /expected timeoutMs above 0, got/,
    );
  }
});

Deno.test("a call may wait for longer than the platform's timers, or without an end", async () => {
  for (const timeoutMs of [2 ** 31, 1e12, Infinity]) {
    await withServer(async (request) => {
      await request.bytes();
      return new Response("", { headers: cbor });
    }, async (url) => {
      const post = createTransport({ url, timeoutMs });
      equal((await post("", body, { maxBytes: 0 })).body.length, 0);
    });
  }
});

Deno.test("cuts off an endless answer", async () => {
  const endless = () =>
    new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(64)) });
  const fault = await faultOf(() => new Response(endless(), { headers: cbor }));
  equal(fault.code, "body-too-large");
});

Deno.test("sends the digest of each request and treats a mismatch in an answer as a network fault", async () => {
  // SHA-256 of the bytes 1, 2, 3, by `printf '\1\2\3' | openssl dgst -sha256 -binary | base64`.
  const digest = "sha-256=:A5BYxvLAy0ksUzsKTRTvd8wPeKvMztUofYShogEc+4E=:";
  const told: (string | null)[] = [];
  let answer = body;
  await withServer((request) => {
    told.push(request.headers.get("content-digest"));
    return new Response(answer, {
      headers: { ...cbor, "content-digest": `sha-512=:AAAA:, ${digest}` },
    });
  }, async (url) => {
    const post = createTransport({ url, timeoutMs: 10_000 });
    deepEqual((await post("", body, { maxBytes: 3 })).body, body);
    answer = Uint8Array.of(1, 2, 2);
    await rejects(post("", body, { maxBytes: 3 }), {
      code: "network",
      retryable: true,
      message: /the answer broke on the way/,
    });
  });
  deepEqual(told, [digest, digest]);
});

Deno.test("the token goes with every call, and into no error", async () => {
  const token = "cipherlayer_c2VjcmV0";
  const headers: (string | null)[] = [];
  await withServer((request) => {
    headers.push(request.headers.get("authorization"));
    return Response.json(
      { code: "forbidden", detail: `Cannot use ${token} here` },
      { status: 403, headers: problem },
    );
  }, async (url) => {
    for (const given of [token, undefined]) {
      const post = createTransport({ url, token: given, timeoutMs: 10_000 });
      const fault = await post("v1/x", body, { maxBytes: 9 })
        .catch((error) => error);
      deepEqual([fault.code, fault.status], ["forbidden", 403]);
      if (given) ok(!Deno.inspect(fault, { depth: 9 }).includes(token));
      ok(!Deno.inspect(post, { showHidden: true }).includes(token));
    }
  });
  deepEqual(headers, [`Bearer ${token}`, null]);

  for (const wrong of ["", "two words", "a\r\nx-admin: 1", "é"]) {
    let fault: unknown;
    try {
      createTransport({ url: "http://localhost", token: wrong, timeoutMs: 1 });
    } catch (error) {
      fault = error;
    }
    ok(fault instanceof TypeError, wrong);
    ok(wrong === "" || !fault.message.includes(wrong));
  }
});

Deno.test("a problem document that broke on the way may be retried", async () => {
  for (const body of ['{"code":"malformed","retryable":fa', ""]) {
    const fault = await faultOf(() =>
      new Response(body, { status: 400, headers: problem })
    );
    deepEqual([fault.code, fault.retryable], ["network", true]);
  }
  const whole = await faultOf(() =>
    new Response('{"code":"malformed","retryable":false}', {
      status: 400,
      headers: problem,
    })
  );
  deepEqual([whole.code, whole.retryable], ["malformed", false]);
});

Deno.test("reads Retry-After as seconds or as a date by the server's clock, else ignores it", async () => {
  const waits: [retryAfter: string, date: string | null, waitMs: number][] = [
    ["Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 30_000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT", 0],
    ["Wed, 21 Oct 2026 07:28:00 GMT", "no date", 0],
    ["Wed, 21 Oct 1998 07:28:00 GMT", null, 0],
    ["2", null, 2000],
    ["soon", null, 0],
    ["-5", null, 0],
  ];
  for (const [retryAfter, date, waitMs] of waits) {
    const headers = { "retry-after": retryAfter, ...date ? { date } : {} };
    const fault = await faultOf(() =>
      new Response(null, { status: 503, headers })
    );
    equal(fault.retryAfterMs, waitMs, `${retryAfter}, ${date}`);
  }
});

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`a redirect (${status}) is not followed, and its target's origin is named`, async () => {
    let reached = 0;
    await withServer(() => {
      reached++;
      return new Response();
    }, async (inside) => {
      const location = `${inside}/admin?secret=1`;
      const fault = await faultOf(() =>
        new Response(null, { status, headers: { location } })
      );
      deepEqual([fault.code, fault.retryable, fault.status], [
        "network",
        true,
        status,
      ]);
      ok(
        fault.message.includes(`sends the call to ${new URL(inside).origin},`),
      );
      ok(!fault.message.includes("secret"));
    });
    equal(reached, 0);
  });
}

Deno.test("refuses a URL with user or password without repeating either", () => {
  for (const user of ["user:hunter2", "user", ":hunter2"]) {
    try {
      createTransport({ url: `http://${user}@localhost`, timeoutMs: 1 });
    } catch (error) {
      ok(error instanceof TypeError);
      ok(!/hunter2|user@/.test(error.message), error.message);
      continue;
    }
    ok(false, user);
  }
});

Deno.test("drops error details that repeat the token in any encoding", async () => {
  const token = "cipherlayer_S0me.Secret-Token~123";
  const hex = Array.from(
    new TextEncoder().encode(token),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
  const echoed = [
    token,
    token.toUpperCase(),
    token.split("").join(" "),
    btoa(token),
    btoa(`a${token}b`),
    btoa(`ab${token}`),
    hex,
  ];
  for (const detail of echoed) {
    await withServer(
      () =>
        Response.json({ code: "malformed", detail: `wrong: ${detail}` }, {
          status: 400,
          headers: problem,
        }),
      async (url) => {
        const post = createTransport({ url, token, timeoutMs: 10_000 });
        await rejects(post("v1/x", body, { maxBytes: 9 }), (error) => {
          ok(error instanceof CipherlayerError);
          match(error.message, /details left out/);
          ok(!error.message.includes(detail));
          return true;
        });
      },
    );
  }
});

Deno.test("a body in chunks of one byte takes the memory of its bytes", async () => {
  const buffers = new Set<ArrayBufferLike>();
  const length = 5000;
  const post = createTransport({
    url: "http://localhost",
    timeoutMs: 10_000,
    fetch: () => {
      let sent = 0;
      const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          if (sent === length) return controller.close();
          const large = new ArrayBuffer(1 << 10);
          buffers.add(large);
          controller.enqueue(new Uint8Array(large, 7, 1).fill(sent++ % 251));
        },
      });
      return Promise.resolve(new Response(stream, { headers: cbor }));
    },
  });
  const reply = await post("v1/x", body, { maxBytes: length });
  deepEqual(reply.body, Uint8Array.from({ length }, (_, i) => i % 251));
  ok(!buffers.has(reply.body.buffer));
  equal(reply.body.buffer.byteLength, length);
  await rejects(post("v1/x", body, { maxBytes: length - 1 }), {
    code: "body-too-large",
  });
});
