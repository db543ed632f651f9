/**
 * Two things that the page's reader can try with the browser's own key; nothing of
 * them is sent.
 *
 * @module
 */
import type { PaillierEngine } from "@cipherlayer/sdk";
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../sdk/paillier/public/big_integer.ts";
import type { HiddenPictures, SumSeen } from "./messages.ts";

/** Bytes of a ciphertext that the page shows. */
const shownBytes = 8;

/** Adds two whole numbers through their ciphertexts, as the cloud does. */
export async function addEncrypted(
  engine: PaillierEngine,
  left: number,
  right: number,
): Promise<SumSeen> {
  const { publicKey } = engine;
  const { ciphertextBytes } = publicKey;
  const both = await engine.encryptBatch([BigInt(left), BigInt(right)]);
  const ciphertexts = [
    both.subarray(0, ciphertextBytes),
    both.subarray(ciphertextBytes),
  ];
  // This step needs the public key alone.
  const sum = bytesFromBigInt(
    publicKey.add(
      bigIntFromBytes(ciphertexts[0]),
      bigIntFromBytes(ciphertexts[1]),
    ),
    ciphertextBytes,
  );
  const [opened] = await engine.decryptBatch(sum);
  return {
    left,
    right,
    ciphertexts: [...ciphertexts, sum].map((bytes) => [
      ...bytes.subarray(0, shownBytes),
    ]),
    ciphertextBytes,
    opened: Number(opened),
  };
}

/** Encrypts each pixel of a picture, and as many of an empty sheet. */
export async function hidePicture(
  engine: PaillierEngine,
  picture: readonly number[],
): Promise<HiddenPictures> {
  const { ciphertextBytes } = engine.publicKey;
  const sheets = [...picture, ...picture.map(() => 0)].map(BigInt);
  const ciphertexts = await engine.encryptBatch(sheets);
  const residues = sheets.map((_, pixel) =>
    ciphertexts[(pixel + 1) * ciphertextBytes - 1]
  );
  return {
    digit: residues.slice(0, picture.length),
    empty: residues.slice(picture.length),
  };
}
