import { readFileSync } from "node:fs";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { handleUnaryCall, ServiceDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { Greeting } from "./greeting.ts";
import { givenPort, givenTls, greetingFor } from "./greeting.ts";

// grpc-js with its defaults. Its codec is protobufjs without @grpc/proto-loader's copy of each message, which is its quickest way.
// The contract is parsed without what it imports: only its REST rule needs that.
const types = protobuf.parse(readFileSync(new URL("../hello.proto", import.meta.url), "utf8")).root;
const request = types.lookupType("weir.bench.v1.GreetRequest");
const response = types.lookupType("weir.bench.v1.GreetResponse");

interface Request {
  readonly name: string;
}

const hello: ServiceDefinition = {
  greet: {
    path: "/weir.bench.v1.Hello/Greet",
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: Request) => Buffer.from(request.encode(message).finish()),
    requestDeserialize: (bytes: Buffer) => request.decode(bytes) as unknown as Request,
    responseSerialize: (message: Greeting) => Buffer.from(response.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => response.decode(bytes) as unknown as Greeting,
  },
};
const greet: handleUnaryCall<Request, Greeting> = (call, callback) => callback(null, greetingFor(call.request.name));

const server = new Server();
server.addService(hello, { greet });
const tls = givenTls();
const credentials = tls
  ? ServerCredentials.createSsl(null, [{ cert_chain: readFileSync(tls.cert), private_key: readFileSync(tls.key) }])
  : ServerCredentials.createInsecure();
server.bindAsync(`127.0.0.1:${givenPort()}`, credentials, (error) => {
  if (error) throw error;
});
