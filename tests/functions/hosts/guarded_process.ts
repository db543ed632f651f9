/** A process that prints its port and answers "here". */
import { GuardedListener } from "../../../functions/hosts/guarded_listener.ts";

const listener = new GuardedListener(() => new Response("here"), {
  hostname: "127.0.0.1",
  port: 0,
});
console.log(listener.port);
