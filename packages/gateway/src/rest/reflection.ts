import {
  ServerReflection,
  type ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "@weir/kit/contract/grpc/reflection";
import type { ServiceDescriptor } from "@weir/kit/contract";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Client } from "@weir/wire";
import { describedServices } from "./described-service.ts";

/** More than any server says of itself, and less than would hurt us. */
const servicesMax = 200;
const bytesMax = 8 * 1024 * 1024;
const reflectionMs = 3000;

/**
 * Asks a server by gRPC reflection (v1) what it serves, and answers its services but those of gRPC itself. Bounded: 3 s,
 * 200 services, 8 MiB of descriptors. Rejects when the server does not answer, or not that.
 */
export async function reflectedServices(client: Client): Promise<ServiceDescriptor[]> {
  const reflection = createClient(ServerReflection, createWireTransport({ client, protocol: "grpc" }));
  const listed = await ask(reflection, [{ case: "listServices", value: "" }]);
  const names: string[] = [];
  for (const { messageResponse } of listed) {
    if (messageResponse.case !== "listServicesResponse") continue;
    for (const { name } of messageResponse.value.service) if (!name.startsWith("grpc.")) names.push(name);
  }
  if (names.length > servicesMax) throw new Error(`expected at most ${servicesMax} services, found ${names.length}`);
  const described = await ask(
    reflection,
    names.map((value) => ({ case: "fileContainingSymbol", value })),
  );
  return describedServices(filesIn(described), names);
}

type Question = ServerReflectionRequest["messageRequest"];

async function ask(reflection: ServerReflectionClient, questions: readonly Question[]): Promise<ServerReflectionResponse[]> {
  const answers: ServerReflectionResponse[] = [];
  const requests = (async function* () {
    for (const messageRequest of questions) yield { host: "", messageRequest };
  })();
  for await (const answer of reflection.serverReflectionInfo(requests, { timeoutMs: reflectionMs })) {
    answers.push(answer);
    if (answers.length === questions.length) break;
  }
  return answers;
}

/** Each file once: servers send what is imported along with every file that imports it. */
function filesIn(answers: readonly ServerReflectionResponse[]): Uint8Array[] {
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const { messageResponse } of answers) {
    if (messageResponse.case !== "fileDescriptorResponse") continue;
    for (const file of messageResponse.value.fileDescriptorProto) {
      const key = Buffer.from(file).toString("latin1");
      if (files.has(key)) continue;
      files.set(key, file);
      bytes += file.length;
      if (bytes > bytesMax) throw new Error(`expected at most ${bytesMax} bytes of descriptors, found more`);
    }
  }
  return [...files.values()];
}
