import type { StreamDialect, UnaryDialect } from "./dialect.ts";
import { createConnectStream, createConnectUnary } from "./dialect-connect.ts";
import { createGrpcDialect } from "./dialect-grpc.ts";
import { createGrpcWebDialect } from "./dialect-grpc-web.ts";
import type { Encoding } from "./method-codec.ts";

/** What a content type means to the server. */
export interface ContentType {
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly encoding: Encoding;
  /** Whether bodies are base64 (gRPC-Web). */
  readonly text: boolean;
  /** Undefined when it is for streams only. */
  readonly unary: UnaryDialect | undefined;
  /** Undefined when it is for unary methods only. */
  readonly stream: StreamDialect | undefined;
}

const known: ReadonlyMap<string, ContentType> = new Map(
  (["proto", "json"] as const).flatMap((encoding): [string, ContentType][] => {
    const shared = { encoding, text: false } as const;
    const connect = { ...shared, protocol: "connect" } as const;
    return [
      [`application/${encoding}`, { ...connect, unary: createConnectUnary(encoding), stream: undefined }],
      [`application/connect+${encoding}`, { ...connect, unary: undefined, stream: createConnectStream(encoding) }],
      ...["application/grpc", "application/grpc-web", "application/grpc-web-text"].flatMap((base): [string, ContentType][] =>
        [`${base}+${encoding}`, ...(encoding === "proto" ? [base] : [])].map((contentType) => [
          contentType,
          grpcType(contentType, encoding),
        ]),
      ),
    ];
  }),
);

/** Every content type that is served, for Accept-Post. */
export const contentTypes: readonly string[] = [...known.keys()];

/** What a header says; undefined for anything else. Case does not matter; JSON may say that it is UTF-8, which it is anyway. */
export function contentTypeFrom(header: string | undefined): ContentType | undefined {
  if (header === undefined) return undefined;
  return known.get(header) ?? parse(header);
}

function grpcType(contentType: string, encoding: Encoding): ContentType {
  if (!contentType.startsWith("application/grpc-web")) {
    const dialect = createGrpcDialect(contentType, encoding);
    return { protocol: "grpc", encoding, text: false, unary: dialect, stream: dialect };
  }
  const text = contentType.startsWith("application/grpc-web-text");
  const dialect = createGrpcWebDialect({ contentType, encoding, text });
  return { protocol: "grpc-web", encoding, text, unary: dialect, stream: dialect };
}

function parse(header: string): ContentType | undefined {
  const [type = "", ...parameters] = header.slice(0, 200).toLowerCase().split(";");
  const found = known.get(type.trim());
  const isUtf8 = parameters.every((parameter) => /^\s*charset=(utf-8|"utf-8")\s*$/.test(parameter));
  return isUtf8 || found?.encoding === "proto" ? found : undefined;
}
