/**
 * Another process that uses a shared state: it opens what `CIPHERLAYER_STATE` names, says
 * so, and does on each line of JSON what it says, telling the outcome on a line.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { openKvState } from "../../../functions/stores/kv_state.ts";
import { Settings } from "../../../functions/settings/settings.ts";
import { openState } from "../../../functions/settings/state.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";

/** What is to be done; `retry`: again while the database is away. */
export type Task =
  & { retry?: boolean }
  & (
    | { spend: string[]; request: string }
    | { charge: { window: string; limit: number }[]; times: number }
  );

const role = { isListener: false, openKv: openKvState };
const state = await openState(new Settings(process.env, "deno"), role);
const endsAt = Date.now() + 60 * 60_000;

async function again<T>(retry: boolean, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CipherlayerError && error.retryable && retry)) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Requests that tokens are spent on, or how many charges passed. */
async function perform(task: Task): Promise<string[] | number> {
  const { retry = false } = task;
  if ("spend" in task) {
    const held: string[] = [];
    for (const token of task.spend) {
      held.push(
        await again(
          retry,
          () => state!.nonces.spend(token, task.request, endsAt),
        ),
      );
    }
    return held;
  }
  const charges = task.charge.map((charge) => ({
    ...charge,
    endsAt,
    keepMs: 1000,
  }));
  let passed = 0;
  for (let i = 0; i < task.times; i++) {
    const over = await again(
      retry,
      () => state!.budgets!.charge(charges, 1, Date.now()),
    );
    if (!over) passed++;
  }
  return passed;
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await perform(JSON.parse(line))));
}
process.exit();
