/**
 * Processor time of oblivious transfer, as JSON.
 *
 * @module
 */
import process from "node:process";
import { Command } from "commander";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { startTransfers } from "../../sdk/transfer/receiver.ts";
import { TransferSender } from "../../sdk/transfer/sender.ts";

readScriptArguments(
  new Command("bench/single/transfer.ts")
    .description("Processor time of oblivious transfer, as JSON."),
);

/** Transfers of an inference: occupancy's choices, and LeNet's. */
const sizes = { occupancy: 432, lenet: 209_890 };
const turns = 5;

const spent: Record<string, number[]> = {};
function time<T>(name: string, work: () => T): T {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  (spent[name] ??= []).push((user + system) / 1000);
  return result;
}

const sender = new TransferSender(makeKernel());
const kernel = makeKernel();
for (let turn = 0; turn < turns; turn++) {
  const seed = platformRandom(32);
  const start = time("gateway: set-up, request", () => startTransfers(kernel));
  const { answer, root } = time(
    "cloud: set-up",
    () => {
      const steps = sender.answerSetup(seed, sender.readSetup(start.request));
      for (;;) {
        const { done, value } = steps.next();
        if (done) return value;
      }
    },
  );
  const batch = time("gateway: set-up, answer", () => start.finish(answer));
  for (const [model, transfers] of Object.entries(sizes)) {
    const child = { seed: platformRandom(32), size: transfers };
    const { request, finish } = time(
      `gateway: ${model}, request`,
      () => batch.extend(child.size),
    );
    const answer = time(
      `cloud: ${model}, batch`,
      () => sender.answerBatch(root, child, request.from, request.choices),
    );
    const made = time(`gateway: ${model}, answer`, () => finish(answer));
    const bits = new Uint8Array(transfers);
    const sent = time(`gateway: ${model}, choices`, () => made.choose(bits));
    const { from, choices } = sent;
    time(
      `cloud: ${model}, labels`,
      () => sender.zeroLabels(child, { from, count: transfers, bits: choices }),
    );
  }
}
const median = (ms: number[]) =>
  Math.round(10 * ms.toSorted((a, b) => a - b)[ms.length >> 1]) / 10;
console.log(JSON.stringify(
  Object.fromEntries(
    Object.entries(spent).map(([name, ms]) => [`${name}, ms`, median(ms)]),
  ),
  null,
  2,
));
