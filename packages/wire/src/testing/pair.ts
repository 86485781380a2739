import assert from "node:assert/strict";
import type net from "node:net";
import type { TestContext } from "node:test";
import { createClient, type Client } from "../client.ts";
import type { ClientResponse } from "../client-call.ts";
import type { ClientOptions } from "../client-options.ts";
import { readBody } from "../read-body.ts";
import { WireError } from "../reasons.ts";
import { createOrigin, type Origin } from "./origin.ts";

/** A client and the raw origin it talks to; both are closed after the test. */
export async function pair(
  t: TestContext,
  serve: (socket: net.Socket, index: number) => void,
  options: Partial<ClientOptions> = {},
): Promise<{ client: Client; origin: Origin }> {
  const origin = await createOrigin(serve);
  const client = createClient({ host: "127.0.0.1", port: origin.port, ...options });
  t.after(async () => {
    origin.close();
    await client.close();
  });
  return { client, origin };
}

/** A body as text, one character a byte. */
export async function textOf(response: ClientResponse): Promise<string> {
  return Buffer.from(await readBody(response.body, 100_000_000)).toString("latin1");
}

/** What a promise rejects with, which has to be a WireError. */
export async function failure(promise: Promise<unknown>): Promise<WireError> {
  try {
    await promise;
  } catch (thrown) {
    assert.ok(thrown instanceof WireError, `expected a WireError, found ${String(thrown)}`);
    return thrown;
  }
  throw new Error("expected a rejection");
}
