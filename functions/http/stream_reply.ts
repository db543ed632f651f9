/**
 * Replies that are made while they are read: no faster than their reader takes them.
 *
 * @module
 */
import { startTimer } from "../../sdk/support/clock.ts";

/**
 * A body that makes each piece when it is asked for.
 *
 * @param patienceMs the reply ends where its reader takes nothing for so long
 * @returns the body, and what resolves when it has ended, however it did
 */
export function streamReply(
  pieces: AsyncGenerator<Uint8Array, void>,
  patienceMs: number,
): { body: ReadableStream<Uint8Array>; ended: Promise<void> } {
  const ended = Promise.withResolvers<void>();
  let stopTimer = () => {};
  const end = () => {
    stopTimer();
    void pieces.return();
    ended.resolve();
  };
  const watch = (controller: ReadableStreamDefaultController) => {
    stopTimer = startTimer(() => {
      controller.error(new Error("the reader took nothing for too long"));
      end();
    }, patienceMs);
  };
  const body = new ReadableStream<Uint8Array>({
    start: watch,
    async pull(controller) {
      stopTimer();
      try {
        const { done, value } = await pieces.next();
        if (!done) {
          controller.enqueue(value);
          return watch(controller);
        }
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      end();
    },
    cancel: end,
  }, { highWaterMark: 0 });
  return { body, ended: ended.promise };
}
