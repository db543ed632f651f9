/** Services of S3, and proxies before them, that misbehave: a clear error or a right result. */
import assert from "node:assert/strict";
import { parseListing } from "../../../functions/stores/s3_listing.ts";
import { S3ObjectStore } from "../../../functions/stores/s3.ts";
import {
  bucket,
  credentials,
  region,
  type S3Server,
  startS3,
} from "./s3_server.ts";

const text = (content: string) => new TextEncoder().encode(content);

async function withStore(
  work: (store: S3ObjectStore, server: S3Server) => Promise<void>,
): Promise<void> {
  await using server = startS3();
  const { endpoint } = server;
  await work(
    new S3ObjectStore({ ...credentials, region, bucket, endpoint }),
    server,
  );
}

function refused(call: Promise<unknown>, message: RegExp): Promise<void> {
  return assert.rejects(call, {
    code: "server-fault",
    retryable: true,
    message,
  });
}

/** The same request without a header. */
function without(request: Request, header: string): Request {
  const headers = new Headers(request.headers);
  headers.delete(header);
  return new Request(request.url, { method: request.method, headers });
}

/** The same answer with another tag, or none. */
function tagged(response: Response, tag: (strong: string) => string | null) {
  const headers = new Headers(response.headers);
  const strong = headers.get("etag");
  headers.delete("etag");
  const changed = strong && tag(strong);
  if (changed) headers.set("etag", changed);
  return new Response(response.body, { status: response.status, headers });
}

Deno.test("a service that ignores If-Match is refused before a change is written", () =>
  withStore(async (store, server) => {
    await store.put("state", text("0"));
    const { tag } = (await store.get("state"))!;
    server.between = (request, answer) => answer(without(request, "if-match"));
    await refused(
      store.put("state", text("1"), tag),
      /the service ignores conditions of writes \(If-Match\)$/,
    );
    assert.deepEqual(server.objects.get("state"), text("0"));
  }));

for (
  const [name, tag, message] of [
    ["weak", (tag: string) => `W/${tag}`, /its ETag is weak, and changes/],
    ["missing", () => null, /the answer has no ETag, and changes of two/],
    ["stripped of quotes", (tag: string) => tag.slice(1, -1), /not in quotes/],
  ] as const
) {
  Deno.test(`a tag that is ${name} is refused with the reason, and nothing is lost`, () =>
    withStore(async (store, server) => {
      await store.put("state", text("0"));
      server.between = async (_, answer) => tagged(await answer(), tag);
      await refused(store.get("state"), message);
      await refused(store.put("state", text("1"), null), message);
      assert.deepEqual(server.objects.get("state"), text("0"));
    }));
}

Deno.test("a listing that is cut, says less than it holds or goes in circles is no shorter listing", () =>
  withStore(async (store, server) => {
    for (const key of ["a/1", "a/2", "a/3", "a/4"]) {
      await store.put(key, text(key));
    }
    assert.equal((await store.list("a/")).size, 4);
    const change = (change: (xml: string) => string) => {
      server.between = async (_, answer) =>
        new Response(change(await (await answer()).text()));
    };
    for (
      const [broken, message] of [
        [(xml: string) => xml.slice(0, xml.length / 2), /breaks off$/],
        [() => "", /the answer is no listing$/],
        [
          (xml: string) => xml.replace(/<Next.*Token>/, ""),
          /is not complete and has no next page$/,
        ],
        [
          (xml: string) => xml.replace(/<IsTruncated>.*<\/IsTruncated>/, ""),
          /does not say whether it is complete$/,
        ],
        [
          (xml: string) => xml.replace(/<Contents>.*?<\/Contents>/, ""),
          /holds [0-2] objects and says [1-3]$/,
        ],
        [
          (xml: string) => xml.replace(/<Size>3</, "<Size>3 kB<"),
          /an object without key or size$/,
        ],
        [
          (xml: string) => xml.replace("<Key>a/", "<Key>b/"),
          /an object that was not asked for$/,
        ],
      ] as const
    ) {
      change(broken);
      await refused(store.list("a/"), message);
    }
    server.between = (request, answer) =>
      answer(new Request(request.url.replace(/&continuation-token[^&]*/, "")));
    await refused(store.list("a/"), /goes in circles$/);
  }));

Deno.test("objects of others below the prefix are passed over", () => {
  const xml =
    "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a/ /x</Key><Size>1</Size></Contents><Contents><Key>a/y</Key><Size>2</Size></Contents></ListBucketResult>";
  assert.deepEqual(parseListing(xml, "a/").sizes, [["a/y", 2]]);
});

Deno.test("a page with status 200 in place of the service is neither object nor listing nor success", () =>
  withStore(async (store, server) => {
    server.between = () =>
      new Response("<html>Sign in</html>", {
        headers: { "content-type": "text/html; charset=utf-8" },
      });
    for (
      const call of [
        store.get("a"),
        store.list("a/"),
        store.put("a", text("1")),
        store.put("a", text("1"), null),
        store.delete("a"),
      ]
    ) {
      await refused(call, /reach it: a page answers in its place/);
    }
    server.between = () => Response.redirect("http://127.0.0.1:9/sign-in", 302);
    await refused(store.get("a"), /cannot read a: status 302$/);
  }));

Deno.test("a clock that is wrong is told by how much", () =>
  withStore(async (store, server) => {
    const answerAt = (offsetMinutes: number) => () =>
      new Response("<Error><Code>RequestTimeTooSkewed</Code></Error>", {
        status: 403,
        headers: {
          date: new Date(Date.now() + offsetMinutes * 60_000).toUTCString(),
        },
      });
    server.between = answerAt(20);
    await refused(store.get("a"), /clock is 20 minutes behind the service's$/);
    server.between = answerAt(-90);
    await refused(store.put("a", text("1")), /90 minutes ahead of the service/);
  }));

Deno.test("a busy service is asked again, and a write that it carried out all the same counts", () =>
  withStore(async (store, server) => {
    const busy = () =>
      new Response("<Error><Code>SlowDown</Code></Error>", { status: 503 });
    await store.put("state", text("0"), null);
    let { tag } = (await store.get("state"))!;
    let refusals = 0;
    server.between = (_, answer) => refusals++ < 3 ? busy() : answer();
    assert.equal(await store.put("state", text("1"), tag), true);
    tag = (await store.get("state"))!.tag;
    refusals = 0;
    server.between = async (_, answer) => {
      const response = await answer();
      return refusals++ < 1 ? busy() : response;
    };
    assert.equal(await store.put("state", text("2"), tag), true);
    // Of another writer, under the same tag.
    refusals = 0;
    server.between = (_, answer) => refusals++ < 1 ? busy() : answer();
    assert.equal(await store.put("state", text("3"), tag), false);
    assert.deepEqual(server.objects.get("state"), text("2"));
    server.between = busy;
    await refused(
      store.get("state"),
      /cannot read state: status 503 SlowDown$/,
    );
    await refused(store.list("a/"), /cannot list a\/: status 503 SlowDown$/);
  }));
