import { equal, rejects } from "node:assert/strict";
import { createApp } from "../../../functions/app.ts";
import { ListedModels } from "../../../functions/models/listed_models.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { sealingKey } from "../../support/gateway.ts";

/** A store of no models that counts how often it lists them. */
class CountedModels extends MemoryModelStore {
  lists = 0;
  fails = false;

  override list() {
    this.lists++;
    return this.fails
      ? Promise.reject(new Error("the store is away"))
      : super.list();
  }
}

Deno.test("a list is made once a second at most, and a failure told no longer", async () => {
  const store = new CountedModels();
  let now = 0;
  const models = new ListedModels(store, () => now);
  await Promise.all(Array.from({ length: 100 }, () => models.list()));
  now = 999;
  await models.list();
  equal(store.lists, 1);
  now = 1000;
  store.fails = true;
  await rejects(models.list(), /away/);
  store.fails = false;
  now = 1999;
  await rejects(models.list(), /away/);
  equal(store.lists, 2);
  now = 2000;
  await models.list();
  equal(store.lists, 3);
});

Deno.test("calls for lists and for models that are none look at the store once", async () => {
  const models = new CountedModels();
  const app = createApp({ models, sealingKey });
  const statuses = await Promise.all(
    ["", "/none", "", "/nowhere"].map(async (path) =>
      (await app.request(`/v1/models${path}`)).status
    ),
  );
  equal(statuses.join(), "200,404,200,404");
  equal(models.lists, 1);
});
