import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, createSecureServer } from "node:http2";
import { fileURLToPath } from "node:url";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { givenPort, givenTls, greetingFor } from "./greeting.ts";

// connect-node as its documentation serves gRPC: the adapter on Node's HTTP/2 server. The descriptors come from buf at start.
const root = fileURLToPath(new URL("../../../", import.meta.url));
const buf = fileURLToPath(import.meta.resolve("@bufbuild/buf/package.json")).replace("package.json", "bin/buf");
const image = execFileSync(process.execPath, [buf, "build", "tools/bench", "-o", "-"], { cwd: root, maxBuffer: 1 << 26 });
const hello = createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).getService("weir.bench.v1.Hello");
if (hello === undefined) throw new Error("expected weir.bench.v1.Hello in tools/bench, found none");

// Descriptors that are read at run time say nothing to the type checker.
const implementation = { greet: (request: { readonly name: string }) => greetingFor(request.name) } as object;
const handler = connectNodeAdapter({ routes: (router) => void router.service(hello, implementation) });
const tls = givenTls();
const server = tls ? createSecureServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, handler) : createServer(handler);
server.listen(givenPort(), "127.0.0.1");
