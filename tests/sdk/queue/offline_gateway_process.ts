/**
 * A gateway for tests that kill it, told by JSON: queues the readings, then, where
 * there is a cloud, answers all that wait. Each line of output is what has happened:
 * `queued`, `retry` or `outcome`, and JSON.
 */
import { FileBlobStore } from "../../../sdk/blobs/blob_store_file.ts";
import { FileKeyStore } from "../../../sdk/keys/key_store_file.ts";
import { OfflineQueue } from "../../../sdk/queue/offline_queue.ts";
import { connect } from "../../../sdk/session/session.ts";
import { dieAtStep } from "../../support/dying.ts";

export interface GatewayTask {
  folder: string;
  passphrase: string;
  readings: number[][];
  cloud?: { url: string; model: string };
  /** Step in the file system at which to die. */
  step?: number;
}

if (import.meta.main) {
  const task: GatewayTask = JSON.parse(Deno.args[0]);
  const tell = (what: string, detail: unknown) =>
    console.log(`${what} ${JSON.stringify(detail)}`);
  const keys = new FileKeyStore(`${task.folder}/key`, task.passphrase);
  await using queue = await OfflineQueue.open({
    store: new FileBlobStore(`${task.folder}/queue`),
    keys,
  });
  if (task.step !== undefined) dieAtStep(task.step);
  for (const reading of task.readings) tell("queued", await queue.add(reading));
  if (task.cloud) {
    await using session = await connect({
      ...task.cloud,
      keys,
      retry: (_, error) => {
        tell("retry", error.code);
        return 20;
      },
    });
    for await (const outcome of queue.process(session)) {
      tell("outcome", outcome);
    }
  }
}
