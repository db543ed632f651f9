import { throws } from "node:assert/strict";
import { Repetitions } from "../../../functions/admission/repetitions.ts";

Deno.test("the same call is answered four times a minute, another as often, and both again in the next", () => {
  const repetitions = new Repetitions(), startMs = 600_000;
  for (let i = 0; i < 4; i++) {
    repetitions.note("a", startMs + i);
    repetitions.note("b", startMs + i);
  }
  throws(() => repetitions.note("a", startMs + 45_000), {
    code: "rate-limited",
    retryable: true,
    retryAfterMs: 15_000,
  });
  repetitions.note("a", startMs + 60_000);
});
