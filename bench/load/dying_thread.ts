/**
 * A thread as the functions run it, that ends by an uncaught error after a while.
 *
 * @module
 */
import "../../functions/threads/thread.ts";

const longestLifeMs = 8000;

setTimeout(() => {
  throw new Error("the load ends this thread");
}, 500 + longestLifeMs * Math.random());
