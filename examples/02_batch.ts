/**
 * Many readings in the slots of the same ciphertexts: a batch costs little more
 * than one reading. Start the functions first:
 *
 *   deno task serve --port 8000
 *   deno run -A examples/02_batch.ts http://127.0.0.1:8000
 *
 * @module
 */
import { connect, generatePrivateKey } from "@cipherlayer/sdk";

const url = Deno.args[0] ?? "http://127.0.0.1:8000";

// An office day, one reading an hour: temperature in °C, humidity in %, light in
// lux, CO2 in ppm, as the model takes them.
const readings = [
  [19.1, 27, 0, 440],
  [19.4, 27, 5, 445],
  [20.6, 28, 430, 620],
  [21.9, 29, 460, 900],
  [22.3, 29, 470, 1050],
  [22.1, 28, 440, 980],
  [21.5, 28, 120, 760],
  [20.8, 27, 0, 590],
];

await using session = await connect({
  url,
  model: "occupancy",
  keys: await generatePrivateKey(2048),
  samples: readings.length,
});
const answers = await session.inferMany(readings);

console.log(
  answers.map(({ label }, hour) => `${hour + 7}: ${label}`).join("\n"),
);
const [{ rounds, totalMs, bytesUp, bytesDown }] = answers;
console.log(
  `${answers.length} readings in one inference of ${rounds.length} rounds: ${
    totalMs.toFixed(0)
  } ms, ${bytesUp + bytesDown} bytes`,
);
