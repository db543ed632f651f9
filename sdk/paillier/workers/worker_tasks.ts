/**
 * What a thread can be asked to compute.
 *
 * @module
 */
import { bigIntKernel } from "../public/kernel_bigint.ts";
import { OwnerEngine } from "../private/owner_engine.ts";
import type { SecretPrimes } from "../private/private_key.ts";
import type { Kernel } from "../public/kernel.ts";
import { selectKernel } from "../public/select_kernel.ts";
import { unfusedKernel } from "../wasm/kernel_wasm.ts";

/** What a worker is asked for; all but the first need the key to be open. */
export type WorkerTask =
  | {
    kind: "open";
    primes: SecretPrimes;
    kernelName: Kernel["name"];
    tableWindowBits: number;
  }
  /** Ciphertexts one after another; answered by their plaintexts. */
  | { kind: "decrypt"; ciphertexts: Uint8Array[] }
  /** An even number of them; answered by a and b of each randomiser in turn. */
  | { kind: "randomisers"; count: number };

/** A task on its way to a worker. */
export interface WorkerRequest {
  id: number;
  task: WorkerTask;
}

/** What comes back; null if the worker could not do it. */
export interface WorkerReply {
  id: number;
  values: bigint[] | null;
}

/** Right wherever they were chosen; the fastest is tested in each thread. */
const slowerKernels = [unfusedKernel, bigIntKernel];

/** The worker's side: does one task after another with its own copy of the key. */
export class TaskRunner {
  #engine: OwnerEngine | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(readonly reply: (reply: WorkerReply) => void) {}

  /** Takes a task; its reply follows those of earlier ones. */
  accept({ id, task }: WorkerRequest): void {
    this.#last = this.#last.then(async () => {
      let values: bigint[] | null = null;
      try {
        values = await this.#run(task);
      } catch {
        // The owner does the work itself and meets the fault, if it lies in the work.
      }
      this.reply({ id, values });
    });
  }

  async #run(task: WorkerTask): Promise<bigint[]> {
    if (task.kind === "open") {
      const { primes, kernelName, tableWindowBits } = task;
      const kernel = slowerKernels.find(({ name }) => name === kernelName) ??
        selectKernel();
      this.#engine = new OwnerEngine(primes, { kernel, tableWindowBits });
      await this.#engine.prepareEncryption();
      return [];
    }
    const engine = this.#engine;
    if (engine === undefined) throw new TypeError("Cannot run task: no key");
    if (task.kind === "decrypt") return engine.decryptAll(task.ciphertexts);
    return Array.from({ length: task.count / 2 }, () => engine.randomisers())
      .flat().flatMap(({ a, b }) => [a, b]);
  }
}
