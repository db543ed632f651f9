/**
 * A gateway in plain JavaScript on Node 20. In a folder of its own:
 *
 *   npm install cipherlayer-sdk.tgz   (npx -y deno task pack .)
 *   CIPHERLAYER_PASSPHRASE=... node 05_node.mjs http://127.0.0.1:8000
 *
 * @module
 */
import { connect, openKey } from "@cipherlayer/sdk";
import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";

const url = process.argv[2] ?? "http://127.0.0.1:8000";
const passphrase = process.env.CIPHERLAYER_PASSPHRASE;
if (!passphrase) {
  console.error("Set CIPHERLAYER_PASSPHRASE: the key is kept under it.");
  process.exit(2);
}
const store = new FileKeyStore("gateway.key", passphrase);
const keys = await openKey(store); // makes a key on the first run

const session = await connect({ url, model: "occupancy", keys });
try {
  const { label, totalMs } = await session.infer({
    temperature: 22, // °C
    humidity: 29, // %
    light: 460, // lux
    co2: 950, // ppm
  });
  console.log(`The room is ${label} (${totalMs.toFixed(0)} ms).`);
} finally {
  await session.close();
}
