import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { Instance, RegisterRequest } from "../app/registry.weir.ts";
import { placeAmongPrograms } from "./json.ts";

const fromNewerContract = { instance: { id: "a", rack: { row: 7 } }, priority: 3 };

test("fromJson refuses a field that the contract does not know, at any depth", () => {
  assert.throws(
    () => RegisterRequest.fromJson(fromNewerContract),
    (thrown: unknown) => isFault(thrown) && thrown.reason === "JSON_INVALID" && thrown.message.includes("instance.rack"),
  );
});

test("fromJson passes such fields over where programs talk", () => {
  const request = RegisterRequest.fromJson(fromNewerContract, placeAmongPrograms());
  assert.deepEqual(request.instance, Instance.create({ id: "a", labels: request.instance!.labels }));
});
