import { deepEqual, equal, match, ok } from "node:assert/strict";
import { isMissing } from "../support/apps.ts";
import type { Week } from "./week_of_faults.ts";

Deno.test({
  name:
    "in a week of faults every value that the water meter publishes is right or absent",
  ignore: isMissing("meter-digits"),
  fn: async () => {
    const data = await Deno.makeTempDir();
    try {
      const { stdout, stderr, success } = await new Deno.Command(
        Deno.execPath(),
        {
          args: ["run", "-A", "tests/examples/week_of_faults.ts"],
          env: { XDG_DATA_HOME: data, NO_COLOR: "1" },
          stdout: "piped",
          stderr: "piped",
        },
      ).output();
      const notes = new TextDecoder().decode(stderr);
      ok(success, notes);
      check(JSON.parse(new TextDecoder().decode(stdout)), notes);
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  },
});

function check({ published, truth, ticks, kept }: Week, notes: string): void {
  let before = "";
  for (const { value, error, timestamp, raw } of published) {
    if (error === "no error") equal(value, truth[timestamp], timestamp);
    else equal(value, before, `${timestamp} ${raw} ${error}`);
    before = value;
  }
  // Each sound picture of the week has its value, those before a broken cloud too.
  const times = published.filter(({ error }) => error === "no error")
    .map(({ timestamp }) => timestamp);
  const [first, ...rest] = Object.keys(truth);
  deepEqual(times, rest, `${times}\n${rest}\n${notes}`);
  match(published[0].error, /^First value/);
  equal(published[0].timestamp, first);
  const refused = published.filter(({ error }) => /^Rate too/.test(error));
  equal(refused.length, 1);
  equal(kept.ticks, ticks);
  for (
    const text of [
      /got status 503; such pictures are left out/,
      /digit 1: too dark|does not look like the reference/,
      /expected a whole .jpg file, got damaged bytes/,
      /Cannot reach http:.*refused.*; readings wait/,
      /Cannot keep readings: ENOSPC/,
      /broker 127.0.0.1:\d+.*trying again/,
    ]
  ) match(notes, text);
}
