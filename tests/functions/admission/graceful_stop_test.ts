/** A real process that is told to stop while calls are under way. */
import assert from "node:assert/strict";
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { encodeRoundRequest } from "../../../sdk/wire/codec.ts";
import { tinyLeNet } from "../../reference/tiny_models.ts";
import { owner, post, startSession } from "../../support/gateway.ts";
import {
  type FunctionsProcess,
  modelFolder,
  startFunctions,
} from "../../support/functions_process.ts";

const model = tinyLeNet();
const { name } = model.manifest;

async function roundBody({ url }: FunctionsProcess) {
  const functions = {
    request: (path: string, init: RequestInit) => fetch(url + path, init),
  };
  const { token, plan } = await startSession(functions, name);
  const ciphertexts = await owner.encryptBatch(
    Array(inputCiphertexts(plan.rounds[0].layout)).fill(1n),
  );
  const body = encodeRoundRequest({ token, ciphertexts });
  const answer = await post(functions, "/v1/rounds/0", body);
  return {
    body: body as Uint8Array<ArrayBuffer>,
    expected: await answer.bytes(),
  };
}

/** A connection of one's own, and what comes over it until it is closed. */
async function connect(port: number) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return {
    send: (text: string, body: Uint8Array = new Uint8Array()) =>
      new Blob([text.replaceAll("\n", "\r\n"), body as BlobPart])
        .stream().pipeTo(connection.writable, { preventClose: true }),
    async receive() {
      const bytes = await new Response(connection.readable).bytes();
      const text = new TextDecoder("latin1").decode(bytes);
      const end = text.indexOf("\r\n\r\n") + 4;
      return {
        status: Number(text.slice(9, 12)),
        head: text.slice(0, end),
        content: bytes.slice(end),
      };
    },
  };
}

const head = (length: number) =>
  `POST /v1/rounds/0 HTTP/1.1
host: functions
content-type: application/cbor
content-length: ${length}

`;

/** Until `rounds` round requests of `length` bytes, and `others` bytes, have come. */
async function untilReceived(
  { url }: FunctionsProcess,
  rounds: number,
  { length, others }: { length: number; others: number },
): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const sum = (line: RegExp) =>
      Array.from(text.matchAll(line), ([, value]) => Number(value))
        .reduce((total, value) => total + value, 0);
    const answered = sum(
      /^cipherlayer_calls_total\{[^}]*rounds[^}]*\} (\d+)$/gm,
    );
    const waiting = sum(/^cipherlayer_body_memory_bytes (\d+)$/gm);
    if (answered * length + waiting >= rounds * length + others) return;
  }
}

for (const threads of [1, 2]) {
  Deno.test(`SIGTERM, ${threads} threads: what is under way is answered, what is still sent is to be sent again, exit code 0`, async () => {
    await using folder = await modelFolder(model);
    await using functions = await startFunctions(folder.path, {
      CIPHERLAYER_THREADS: String(threads),
      CIPHERLAYER_METRICS: "1",
    });
    const { body, expected } = await roundBody(functions);
    // More than are worked on at once: the last ones wait for their turn.
    const rounds = await Promise.all(Array.from({ length: 12 }, async () => {
      const round = await connect(functions.port);
      await round.send(head(body.length), body);
      return round;
    }));
    const halfSent = await connect(functions.port);
    await halfSent.send(head(body.length), body.slice(0, 1000));
    // With the one that was asked for first.
    await untilReceived(functions, 13, { length: body.length, others: 1000 });
    functions.child.kill("SIGTERM");
    const answers = await Promise.all(rounds.map((round) => round.receive()));
    for (const { status, content } of answers) {
      assert.equal(status, 200);
      assert.deepEqual(content, expected);
    }
    const refused = await halfSent.receive();
    assert.equal(refused.status, 503);
    assert.match(refused.head, /^retry-after: 1\r$/m);
    const { code, retryable } = JSON.parse(
      new TextDecoder().decode(refused.content),
    );
    assert.deepEqual([code, retryable], ["overloaded", true]);
    assert.equal((await functions.child.status).code, 0);
    await assert.rejects(
      connect(functions.port),
      Deno.errors.ConnectionRefused,
    );
  });
}

Deno.test("SIGINT with nothing under way ends the functions, exit code 0", async () => {
  await using folder = await modelFolder(model);
  await using idle = await startFunctions(folder.path, {});
  idle.child.kill("SIGINT");
  assert.equal((await idle.child.status).code, 0);
});
