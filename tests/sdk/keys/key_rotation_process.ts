/** Rotates the key in a file and dies at a step: `PATH PASSPHRASE STEP`. */
import { rotateKey } from "../../../sdk/keys/key_store.ts";
import { FileKeyStore } from "../../../sdk/keys/key_store_file.ts";
import { dieAtStep } from "../../support/dying.ts";

const [path, passphrase, step] = Deno.args;
const store = new FileKeyStore(path, passphrase, { cost: 1 << 10 });
dieAtStep(Number(step));
await rotateKey(store, { insecure: true });
