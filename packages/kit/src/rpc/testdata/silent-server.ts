// A process of its own, to be killed or stopped: a server by nghttp2 that begins every answer of gRPC and ends none.
import process from "node:process";
import { beginAnswer, greeting, startRawHttp2 } from "./raw-http2.ts";

const raw = await startRawHttp2((stream) => {
  beginAnswer(stream);
  stream.write(greeting);
  process.send?.("stream");
});
process.send?.(raw.url);
