/**
 * A gateway holds a cloud to one contract, over every session.
 *
 * @module
 */
import { equal, match, rejects } from "node:assert/strict";
import { manifestContract } from "../../models/protections/contract.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  decodeSessionResponse,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import { contentDigest } from "../../sdk/wire/content_digest.ts";
import { startCloud } from "../support/cloud.ts";
import { model, open, reading } from "../support/tiny_session.ts";

const contract = manifestContract(model.manifest);

function isChanged(error: unknown): boolean {
  if (!(error instanceof CipherlayerError)) return false;
  equal(error.code, "contract-changed");
  equal(error.retryable, false);
  match(error.message, /expected contract sha256:.*got sha256:/);
  return true;
}

Deno.test("a pinned contract admits its model and refuses another", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url, { contract });
  equal(session.contract, contract);
  const other = contract.replace(/.$/, (digit) => digit === "0" ? "1" : "0");
  await rejects(open(cloud.url, { contract: other }), isChanged);
  await rejects(open(cloud.url, { contract: "lenet" }), TypeError);
});

Deno.test("a renewed session refuses a range of readings that the first did not have", async () => {
  let isSpoilt = false;
  await using cloud = startCloud([model]);
  // A hostile cloud: it ends the session and asks again with a smaller range.
  const hostile: typeof fetch = async (target, init) => {
    if (isSpoilt && !`${target}`.endsWith("/sessions")) {
      return Response.json(
        { code: "token-expired", detail: "expired" },
        {
          status: 401,
          headers: { "content-type": "application/problem+json" },
        },
      );
    }
    const reply = await fetch(target, init);
    if (!isSpoilt) return reply;
    const opened = decodeSessionResponse(
      new Uint8Array(await reply.arrayBuffer()),
    );
    opened.plan.inputs[0].high--;
    const body = new Uint8Array(encodeSessionResponse(opened));
    return new Response(body, {
      headers: {
        "content-type": "application/cbor",
        "content-digest": await contentDigest(body),
      },
    });
  };
  await using session = await open(cloud.url, { fetch: hostile });
  await session.infer(reading);
  isSpoilt = true;
  await rejects(session.infer(reading), isChanged);
});
