import { ServerReflection } from "../../../contract/grpc/reflection/v1/reflection.weir.ts";
import type { ServerReflectionRequest, ServerReflectionResponse } from "../../../contract/grpc/reflection/v1/reflection.weir.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../contract/grpc/reflection/v1alpha/reflection.weir.ts";
import { codes, fault } from "../../../fault.ts";
import { kitReasons } from "../../../reasons.ts";
import type { Implementation, ImplementOptions } from "../../implement.ts";
import { implement } from "../../implement.ts";
import type { ReflectedFiles } from "./files.ts";
import { loadFiles } from "./files.ts";

type Answer = ServerReflectionResponse["messageResponse"];

/**
 * Reflection of gRPC, v1 and v1alpha: gives out the contracts of what is served, and its own, so that grpcurl and the like
 * can call it without having them. Add what it answers to the implementations of `createRpcHandler`; an app does so by
 * itself. Descriptors are loaded with the first request. What is not there is answered as an ErrorResponse with NOT_FOUND,
 * and the stream goes on; a request that asks for nothing ends it with REFLECTION_INVALID.
 * Source: grpc/grpc doc/server-reflection.md.
 */
export function createReflection(served: readonly Implementation[], options?: ImplementOptions): readonly Implementation[] {
  let loading: Promise<ReflectedFiles> | undefined;
  const load = (): Promise<ReflectedFiles> => {
    loading ??= loadFiles([...served, ...own]).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  const handlers = {
    async *serverReflectionInfo(requests: AsyncIterable<ServerReflectionRequest>): AsyncGenerator<ServerReflectionResponse, void> {
      const files = await load();
      const names = [...served, ...own].map(({ descriptor }) => descriptor.typeName).toSorted();
      const sent = new Set<string>();
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answerTo(request.messageRequest, { files, names, sent }),
        };
      }
    },
  };
  const own: readonly Implementation[] = [
    implement(ServerReflection, handlers, options),
    implement(ServerReflectionAlpha, handlers, options),
  ];
  return own;
}

interface Held {
  readonly files: ReflectedFiles;
  readonly names: readonly string[];
  /** Files that this stream has been given: as imports they are not given again. */
  readonly sent: Set<string>;
}

function answerTo(asked: ServerReflectionRequest["messageRequest"], held: Held): Answer {
  const { files, names } = held;
  switch (asked.case) {
    case "fileByFilename":
      return fileAnswer(asked.value, held) ?? notFound("file", asked.value);
    case "fileContainingSymbol":
      return fileAnswer(files.bySymbol.get(asked.value), held) ?? notFound("symbol", asked.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      const name = files.extensions.get(containingType)?.get(extensionNumber);
      return fileAnswer(name, held) ?? notFound("extension", `${containingType} ${extensionNumber}`);
    }
    case "allExtensionNumbersOfType": {
      const numbers = files.extensions.get(asked.value);
      if (numbers === undefined) return notFound("message", asked.value);
      const extensionNumber = [...numbers.keys()].toSorted((a, b) => a - b);
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: asked.value, extensionNumber } };
    }
    case "listServices":
      return { case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } };
    case undefined:
      throw fault(
        kitReasons.REFLECTION_INVALID,
        "Expected a file, a symbol, an extension or the services to be asked for, found none of them.",
      );
  }
}

/** The file and, behind it, all that it imports and this stream has not been given. */
function fileAnswer(name: string | undefined, { files, sent }: Held): Answer | undefined {
  if (name === undefined || !files.byName.has(name)) return undefined;
  const found: Uint8Array[] = [];
  sent.delete(name);
  const add = (one: string): void => {
    const file = files.byName.get(one);
    if (file === undefined || sent.has(one)) return;
    sent.add(one);
    found.push(file.bytes);
    file.imports.forEach(add);
  };
  add(name);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: found } };
}

function notFound(what: string, name: string): Answer {
  const errorMessage = `Expected a ${what} of this server, found ${JSON.stringify(name.slice(0, 200))}.`;
  return { case: "errorResponse", value: { errorCode: codes.NOT_FOUND.grpc, errorMessage } };
}
