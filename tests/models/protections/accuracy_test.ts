/** Protections cost no accuracy that shows on 300 pictures; `bench/` has all 10,000. */
import assert from "node:assert/strict";
import { rightAnswers } from "../../../bench/single/privacy_accuracy.ts";
import { dataFolder } from "../../support/data_folder.ts";

const folder = dataFolder("mnist");

Deno.test({
  name:
    "LeNet answers as many MNIST images right with every protection as with none",
  ignore: folder === null,
  fn: async () => {
    const right = await rightAnswers(folder!, 300);
    const off = right.get("off")!;
    assert.ok(off >= 295);
    for (const privacy of ["standard", "strict"]) {
      assert.ok(Math.abs(right.get(privacy)! - off) <= 1, privacy);
    }
  },
});
