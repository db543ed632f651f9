/**
 * Finds the bodies of HTTP/1.1 messages in a connection's bytes.
 *
 * @module
 */

const headEnd = "\r\n\r\n";
const maxHeadBytes = 8192;
const firstLine = /^(?:POST|GET|OPTIONS|HTTP\/1\.1) /;

export interface MessageHead {
  /** Bytes of the head, the empty line included. */
  headBytes: number;
  /** As `content-length` states; 0 where it does not. */
  bodyBytes: number;
}

/**
 * The head that `chunk` begins with; null where it begins within a body, or the
 * head goes on in the next chunk. Bodies are ciphertexts in CBOR, which never begin
 * like a head.
 */
export function messageHead(chunk: Uint8Array): MessageHead | null {
  const text = new TextDecoder("latin1").decode(
    chunk.subarray(0, maxHeadBytes),
  );
  if (!firstLine.test(text)) return null;
  const end = text.indexOf(headEnd);
  if (end < 0) return null;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end));
  return {
    headBytes: end + headEnd.length,
    bodyBytes: Number(length?.[1] ?? 0),
  };
}
