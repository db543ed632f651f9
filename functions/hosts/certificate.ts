/**
 * The certificate of a listener and its key, in files that are read again when they
 * change. Runtime: Deno and Node.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { clearInterval, setInterval } from "node:timers";
import { FileError, readText } from "../../models/package/read_file.ts";

/** Where both lie. */
export interface CertificateFiles {
  /** The certificate in PEM, and after it those that lead to the authority's. */
  cert: string;
  /** Its private key in PEM. */
  key: string;
}

/** Both as PEM text. */
export interface Certificate {
  cert: string;
  key: string;
}

/**
 * The files that `TLS_CERT` and `TLS_KEY` name; undefined where neither is set.
 *
 * @throws {RangeError} where one of them is missing
 */
export function certificateFiles(
  { TLS_CERT: cert, TLS_KEY: key }: Readonly<
    Record<string, string | undefined>
  >,
): CertificateFiles | undefined {
  if (!cert && !key) return undefined;
  if (cert && key) return { cert, key };
  throw new RangeError(
    `Cannot serve TLS: ${
      cert ? "TLS_KEY" : "TLS_CERT"
    } is not set; a certificate and its key go together`,
  );
}

/**
 * Reads both files. An expired certificate is read too, and reported: the
 * clock may be what is wrong.
 *
 * @throws {FileError} if one cannot be read or holds something else, or the key is
 * another certificate's
 */
export async function readCertificate(
  files: CertificateFiles,
): Promise<Certificate> {
  const [cert, key] = await Promise.all([
    readText(files.cert),
    readText(files.key),
  ]);
  const certificate = parse(cert, files.cert, "CERTIFICATE", () => {
    return new X509Certificate(cert);
  });
  if (key.includes("ENCRYPTED")) {
    throw wrong(files.key, "expected a key without a passphrase");
  }
  const privateKey = parse(key, files.key, "PRIVATE KEY", () => {
    return createPrivateKey(key);
  });
  if (!isKeyOf(privateKey, certificate)) {
    throw wrong(
      files.key,
      `expected the key of the first certificate in ${files.cert}, got another's`,
    );
  }
  if (Date.parse(certificate.validTo) < Date.now()) {
    console.error(
      `The certificate in ${files.cert} ended on ${certificate.validTo}: gateways refuse it.`,
    );
  }
  return { cert, key };
}

/**
 * Looks at the files once a minute as long as the process lives, and hands on what
 * they hold when it is another pair. While they do not fit each other, as in the middle
 * of a renewal, nothing changes, and a fault is reported once.
 *
 * @param everyMs between two looks
 */
export function watchCertificate(
  files: CertificateFiles,
  current: Certificate,
  renew: (certificate: Certificate) => void,
  everyMs = 60_000,
): { stop(): void } {
  let fault = "";
  const look = async () => {
    try {
      const read = await readCertificate(files);
      if (read.cert !== current.cert || read.key !== current.key) {
        current = read;
        renew(read);
        console.error(
          `The certificate in ${files.cert} is in use from now on.`,
        );
      }
      fault = "";
    } catch (error) {
      const { message } = error as Error;
      if (message !== fault) {
        console.error(`${message}: the certificate read before stays in use`);
      }
      fault = message;
    }
  };
  const timer = setInterval(look, everyMs).unref();
  return { stop: () => clearInterval(timer) };
}

function isKeyOf(key: KeyObject, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    // Of another kind.
    return false;
  }
}

function parse<T>(
  pem: string,
  path: string,
  wanted: string,
  read: () => T,
): T {
  const [, got] = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem) ?? [];
  const article = wanted === "CERTIFICATE" ? "a certificate" : "a private key";
  if (!got?.endsWith(wanted)) {
    throw wrong(
      path,
      `expected ${article} in PEM, got ${got?.toLowerCase() ?? "no PEM"}`,
    );
  }
  try {
    return read();
  } catch (cause) {
    throw wrong(
      path,
      `expected ${article} in PEM, got one that is damaged`,
      cause,
    );
  }
}

function wrong(path: string, what: string, cause?: unknown): FileError {
  return new FileError(`Cannot use ${path}: ${what}`, { cause });
}
