/**
 * An S3-compatible server of this process, on a real port: signatures are checked by
 * AWS's own library, writes are conditional, lists come in pages.
 */
import { SignatureV4 } from "@smithy/signature-v4";
import { createHash, createHmac } from "node:crypto";

export const credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
export const region = "eu-central-1";
export const bucket = "models";
const keysAPage = 3;

export interface S3Server extends AsyncDisposable {
  endpoint: string;
  objects: Map<string, Uint8Array<ArrayBuffer>>;
  /** Makes writes fail from now on, as those of a service without space do. */
  full: boolean;
  /** Makes writes take no notice of conditions, as older services do. */
  unconditional: boolean;
  /** Stands before the service and makes of its answers what it likes. */
  between: (
    request: Request,
    answer: (request?: Request) => Promise<Response>,
  ) => Response | Promise<Response>;
  /** What was called, as `PUT key` or `GET ?list`. */
  calls: string[];
}

export function startS3(): S3Server {
  const state: Omit<S3Server, "endpoint" | typeof Symbol.asyncDispose> = {
    objects: new Map(),
    full: false,
    unconditional: false,
    between: (_, answer) => answer(),
    calls: [],
  };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      const refused = await refusal(request, body);
      return await state.between(
        request,
        (changed = request) =>
          Promise.resolve(refused ?? answer(changed, body, state)),
      );
    },
  );
  return Object.assign(state, {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

function answer(
  request: Request,
  body: Uint8Array<ArrayBuffer>,
  state: Omit<S3Server, "endpoint" | typeof Symbol.asyncDispose>,
): Response {
  const { objects } = state;
  const { pathname, searchParams } = new URL(request.url);
  const [, name, ...segments] = pathname.split("/");
  if (name !== bucket) return fault(404, "NoSuchBucket");
  const key = decodeURIComponent(segments.join("/"));
  state.calls.push(`${request.method} ${key || "?list"}`);
  if (!key) return listed(objects, searchParams);
  const stored = objects.get(key);
  const etag = stored && etagOf(stored);
  switch (request.method) {
    case "GET":
      if (!stored) return fault(404, "NoSuchKey");
      return new Response(stored, { headers: { etag: etag! } });
    case "PUT": {
      const headers = state.unconditional ? new Headers() : request.headers;
      const match = headers.get("if-match");
      const noneMatch = headers.get("if-none-match");
      if (match && !stored) return fault(404, "NoSuchKey");
      if ((match && match !== etag) || (noneMatch === "*" && stored)) {
        return fault(412, "PreconditionFailed");
      }
      if (state.full) return fault(507, "InsufficientStorage");
      objects.set(key, body);
      return new Response(null, { headers: { etag: etagOf(body) } });
    }
    case "DELETE":
      objects.delete(key);
      return new Response(null, { status: 204 });
  }
  return fault(405, "MethodNotAllowed");
}

function listed(
  objects: S3Server["objects"],
  query: URLSearchParams,
): Response {
  const prefix = query.get("prefix") ?? "";
  // Tokens of real services hold any character, those that XML escapes too.
  const after = query.get("continuation-token")?.replace(/^<&>/, "") ?? "";
  const keys = [...objects.keys()].sort().filter((key) =>
    key.startsWith(prefix) && key > after
  );
  const page = keys.slice(0, keysAPage);
  const contents = page.map((key) =>
    `<Contents><Key>${key}</Key><Size>${
      objects.get(key)!.length
    }</Size></Contents>`
  );
  const isTruncated = keys.length > page.length;
  const more = isTruncated
    ? `<NextContinuationToken>&lt;&amp;&gt;${
      page.at(-1)
    }</NextContinuationToken>`
    : "";
  return new Response(
    `<?xml version="1.0"?><ListBucketResult><Name>${bucket}</Name><KeyCount>${page.length}</KeyCount><IsTruncated>${isTruncated}</IsTruncated>${
      contents.join("")
    }${more}</ListBucketResult>`,
  );
}

/** The fault of a request whose signature or checksum is wrong. */
async function refusal(
  request: Request,
  body: Uint8Array,
): Promise<Response | undefined> {
  const digest = createHash("sha256").update(body).digest("hex");
  if (request.headers.get("x-amz-content-sha256") !== digest) {
    return fault(400, "XAmzContentSHA256Mismatch");
  }
  const authorization = request.headers.get("authorization") ?? "";
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1].split(";");
  const date = request.headers.get("x-amz-date");
  if (!signed || !date) return fault(403, "AccessDenied");
  const { protocol, hostname, port, host, pathname, searchParams } = new URL(
    request.url,
  );
  const headers = signed.map((name) =>
    [name, name === "host" ? host : request.headers.get(name)!] as const
  );
  const { headers: ours } = await new SignatureV4({
    credentials,
    region,
    service: "s3",
    sha256: NodeSha256,
    uriEscapePath: false,
    applyChecksum: false,
  }).sign({
    method: request.method,
    protocol,
    hostname,
    port: Number(port),
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: Object.fromEntries(headers),
  }, {
    signingDate: new Date(
      date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"),
    ),
  });
  if (ours.authorization !== authorization.replaceAll(/, */g, ", ")) {
    return fault(403, "SignatureDoesNotMatch");
  }
}

/** What AWS's library asks of a hash: HMAC where it is given a secret. */
class NodeSha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined
      ? createHash("sha256")
      : createHmac("sha256", secret as Uint8Array);
  }

  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }

  reset(): void {}
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function fault(status: number, code: string): Response {
  return new Response(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>of the test</Message></Error>`,
    { status },
  );
}
