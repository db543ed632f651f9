/** Certificates of this machine, made by openssl. */
import { canRun, runCommand } from "../runtimes/processes.ts";

export const hasOpenssl = await canRun("openssl", "version");

/** Files of a certificate for localhost that is its own authority, and of its key. */
export async function makeCertificate(
  folder: string,
  name: string,
): Promise<{ cert: string; key: string }> {
  const cert = `${folder}/${name}.pem`;
  const key = `${folder}/${name}.key`;
  await runCommand("openssl", [
    ...["req", "-x509", "-nodes", "-newkey", "ec", "-days", "2"],
    ...["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", `/CN=${name}`],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", key, "-out", cert],
  ], folder);
  return { cert, key };
}
