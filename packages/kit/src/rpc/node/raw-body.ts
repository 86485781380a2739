import type { HttpBody } from "../../contract/google/api/httpbody.weir.ts";
import type { RestTarget } from "./rest-route.ts";
import { messageFromRest } from "./rest-route.ts";
import type { Asked } from "./rpc-server.ts";

/** The message of a body that is taken as it is. */
export function messageFromRawBody(data: Uint8Array, { head }: Asked, { route, path, query }: RestTarget): unknown {
  const message = messageFromRest(route, { path, query, bodyText: undefined }) as Record<string, unknown>;
  const body: HttpBody = { contentType: head.contentType ?? "", data };
  return route.rule.body === "*" ? Object.assign(message, body) : Object.assign(message, { [route.rule.body]: body });
}

/** A message for each piece of a body; what path and query say holds for every one. */
export async function* messagesFromRawBody(asked: Asked, target: RestTarget): AsyncGenerator<unknown, void, undefined> {
  const { body } = asked.request;
  if (body === undefined) return;
  for await (const data of body instanceof Uint8Array ? [body] : body) yield messageFromRawBody(data, asked, target);
}
