/**
 * Runtime: browsers.
 *
 * @module
 */
import { entryUrl, type StartWorker } from "./worker_port.ts";

/**
 * Starts a Web Worker. A bundle needs `worker_web.js` beside it; without that file
 * the calling thread does the work.
 */
export const startWebWorker: StartWorker = (events) => {
  if (typeof Worker === "undefined") return null;
  const worker = new Worker(entryUrl("./worker_web"), { type: "module" });
  worker.onmessage = ({ data }) => events.reply(data);
  worker.onerror = (event) => {
    event.preventDefault();
    events.failed();
  };
  return {
    post: (request) => worker.postMessage(request),
    keepAlive: () => {},
    terminate: () => worker.terminate(),
  };
};
