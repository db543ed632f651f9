/** Functions that tell a secret in every way they have: what the search must find. */
import { metrics, trace } from "@opentelemetry/api";
import { createApp } from "../../functions/app.ts";
import { FolderModelStore } from "../../functions/models/folder_models.ts";

const count = metrics.getMeter("leaky").createCounter("leaky");

const app = createApp({
  models: new FolderModelStore("."),
  sealingKey: new Uint8Array(32).fill(7),
});

export default {
  fetch(request: Request) {
    const [log, span, metric] = request.headers.get("secrets")!.split(" ");
    console.error(log);
    trace.getActiveSpan()?.setAttribute("leak", span);
    count.add(1, { leak: metric });
    return app.fetch(request);
  },
};
