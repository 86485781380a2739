import { fault } from "../../fault.ts";
import { codeFromGrpc } from "../grpc-status.ts";
import type { Call } from "../../call.ts";
import { metadataValue } from "../../call.ts";
import { gzip } from "../node/gzip.ts";
import type { RpcOptions } from "../node/server.ts";
import type { ForeignGreeter } from "./foreign-greeter.ts";
import { createOpenCalls, failure } from "./foreign-greeter.ts";
import { createGreeter, startGreeter } from "./greeter.ts";
import { HelloResponse } from "./greeter.weir.ts";

/** Our own server, behaving as the foreign ones do. */
export async function startOwnGreeter(options: RpcOptions = {}): Promise<ForeignGreeter> {
  const calls = createOpenCalls();
  const greeter = createGreeter({
    async hello(request, call) {
      const end = calls.begin();
      call.onEnd(end);
      const text = metadataValue(call.metadata, "x-echo");
      if (text !== undefined) call.replyMetadata.push("x-head", text);
      const bytes = metadataValue(call.metadata, "x-echo-bin");
      if (bytes !== undefined) call.replyTrailers.push("x-trailer-bin", bytes);
      if (request.name === "hang") await ended(call);
      end();
      if (request.name.startsWith("fail:")) throw planted(Number(request.name.slice(5)));
      return HelloResponse.create({ ...request, greeting: `hello ${request.name}` });
    },
    async *count({ count, text }, call) {
      const end = calls.begin();
      call.onEnd(end);
      try {
        for (let number = 1; count === 0 || number <= count; number++) yield { number, text };
        if (text === "fail") throw planted(10);
      } finally {
        end();
      }
    },
    async sum(requests, call) {
      const end = calls.begin();
      call.onEnd(end);
      try {
        let total = 0;
        for await (const { number } of requests) total += number;
        return { total };
      } finally {
        end();
      }
    },
  });
  const running = await startGreeter(greeter, { compressors: [gzip], compressBytesMin: 10, ...options });
  return { url: running.url, open: () => calls.count, [Symbol.asyncDispose]: async () => running[Symbol.asyncDispose]() };
}

function ended(call: Call): Promise<never> {
  return new Promise((_resolve, reject) => call.onEnd(reject));
}

/** Without a reason, as the foreign ones fail. */
function planted(number: number): Error {
  const details = [{ typeName: failure.detailType, value: undefined, bytes: failure.detail }];
  return fault({ reason: "PEER_FAULT", code: codeFromGrpc(number) }, failure.message, { details });
}
