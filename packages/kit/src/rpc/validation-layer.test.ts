import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { ViolationsSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { ShopClient } from "../contract/testdata/rules.weir.ts";
import { Colour, Item, OrderRequest, Shop } from "../contract/testdata/rules.weir.ts";
import { faultFrom } from "../fault.ts";
import type { Layer, Message } from "../service.ts";
import { createTestTransport } from "../testing/transport.ts";
import { createClient } from "./client.ts";
import type { ImplementOptions } from "./implement.ts";
import { implement } from "./implement.ts";

const item = Item.create({ sku: "abc", count: 1, colour: Colour.RED, number: 7n });
const order = OrderRequest.create({ userId: "ada", items: [item], payment: { case: "card", value: "1234" } });

/** A shop that counts what reaches its handlers. */
function createShop(options: ImplementOptions = {}): { readonly seen: string[]; readonly client: ShopClient } {
  const seen: string[] = [];
  const shop = implement(
    Shop,
    {
      async order({ userId }) {
        seen.push(userId);
        return {};
      },
      async fill(requests) {
        for await (const { userId } of requests) seen.push(userId);
        return {};
      },
    },
    options,
  );
  return { seen, client: createClient(Shop, createTestTransport([shop])) };
}

test("a request that breaks a rule does not reach its handler, and the caller is told each rule", async () => {
  const { seen, client } = createShop();
  await client.order(order);
  const found = faultFrom(await client.order({ ...order, userId: "Ada", labels: { a: "x" } }).catch((error: unknown) => error));
  assert.deepEqual([found.code, found.reason, seen], ["INVALID_ARGUMENT", "VALIDATION_FAILED", ["ada"]]);
  assert.deepEqual(
    found.details.map(({ typeName }) => typeName).filter((name) => !name.endsWith("ErrorInfo")),
    ["google.rpc.BadRequest", "buf.validate.Violations"],
  );
  const bytes = found.details.find(({ typeName }) => typeName === "buf.validate.Violations")?.bytes ?? assert.fail("no bytes");
  assert.deepEqual(toJson(ViolationsSchema, fromBinary(ViolationsSchema, bytes)), {
    violations: [
      {
        field: { elements: [{ fieldName: "user_id" }] },
        ruleId: "string.pattern",
        message: "does not match regex pattern `^[a-z]+(-[a-z]+)*$`",
      },
      {
        field: { elements: [{ fieldName: "labels", stringKey: "a" }] },
        ruleId: "string.min_len",
        message: "must be at least 2 characters",
        forKey: true,
      },
    ],
  });
});

test("a message of a stream that breaks a rule ends the stream where the handler reads it", async () => {
  const { seen, client } = createShop();
  async function* requests(): AsyncGenerator<Partial<OrderRequest>, void> {
    yield order;
    yield { ...order, userId: "" };
    yield order;
  }
  const found = faultFrom(await client.fill(requests()).catch((error: unknown) => error));
  assert.deepEqual([found.reason, seen], ["VALIDATION_FAILED", ["ada"]]);
});

test("rules are checked inside of all layers, and not where it is said so", async () => {
  const passed: string[] = [];
  const layer: Layer<Message<unknown>, Message<unknown>> = (next) => async (request, call) => {
    passed.push("layer");
    return next(request, call);
  };
  const { seen, client } = createShop({ layers: [layer] });
  await assert.rejects(client.order({ ...order, userId: "" }));
  assert.deepEqual([passed, seen], [["layer"], []]);
  const free = createShop({ validates: false });
  await free.client.order({ ...order, userId: "" });
  assert.deepEqual(free.seen, [""]);
});
