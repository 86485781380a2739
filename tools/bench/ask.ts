import { Client, credentials } from "@grpc/grpc-js";
import type { Scheme } from "./load.ts";
import { GreetRequest, GreetResponse } from "./hello.weir.ts";

/** One answer, in the form in which contestants are compared. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

const askMsMax = 10_000;

/**
 * Asks once by a client that is nobody's here: fetch, and grpc-js for gRPC, whose `path` is the method's and whose answer is
 * compared as JSON of the contract. Its status is 200 when grpc-status was 0. Rejects when no answer came.
 */
export async function ask(place: { readonly port: number; readonly path: string }, scheme: Scheme): Promise<Answer> {
  if (scheme === "grpc" || scheme === "grpcs") return askGrpc(place, scheme === "grpcs");
  const response = await fetch(`http://127.0.0.1:${place.port}${place.path}`, { signal: AbortSignal.timeout(askMsMax) });
  return { status: response.status, body: await response.text() };
}

function askGrpc({ port, path }: { readonly port: number; readonly path: string }, secure: boolean): Promise<Answer> {
  // The bench's certificate is its own, so whose it is says nothing.
  const channel = secure ? credentials.createSsl(null, null, null, { rejectUnauthorized: false }) : credentials.createInsecure();
  // An address is no name for SNI.
  const client = new Client(`127.0.0.1:${port}`, channel, secure ? { "grpc.ssl_target_name_override": "localhost" } : {});
  return new Promise<Answer>((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      (message: GreetRequest) => Buffer.from(GreetRequest.toBinary(message)),
      (bytes: Buffer) => GreetResponse.fromBinary(bytes),
      { name: "weir" },
      { deadline: Date.now() + askMsMax },
      (error, message) => {
        if (error === null || error === undefined)
          resolve({ status: 200, body: message === undefined ? "" : GreetResponse.toJson(message) });
        else reject(error);
      },
    );
  }).finally(() => client.close());
}
