import process from "node:process";
import { ClientCompatRequest, ClientCompatResponse } from "#suites/connectrpc/conformance/v1/client_compat.weir.ts";
import { Codec, Compression, HTTPVersion, Protocol } from "#suites/connectrpc/conformance/v1/config.weir.ts";
import { gzip } from "@weir/kit/rpc/node/gzip";
import type { WireTransport } from "@weir/kit/rpc/node/transport";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { TlsClientOptions } from "@weir/wire";
import { framed, messagesFrom } from "./compat-stream.ts";
import { performCall } from "./conformance-call.ts";
import { losesTrailers } from "./planted-fault.ts";

/*
 * The client under test of connectconformance: each message on standard input is a call to make, each on standard output what came of one,
 * in whatever order they end. Calls to one server share their connections.
 */
const callsMax = 64;
const protocols = {
  [Protocol.CONNECT]: "connect",
  [Protocol.GRPC]: "grpc",
  [Protocol.GRPC_WEB]: "grpc-web",
} as const;
const transports = new Map<string, WireTransport>();

function transportFor(asked: ClientCompatRequest): WireTransport {
  const { host, port, protocol, codec, compression, httpVersion, messageReceiveLimit, useGetHttpMethod: useGet } = asked;
  const tls = tlsFrom(asked);
  const key = [host, port, protocol, codec, compression, httpVersion, messageReceiveLimit, useGet, tls?.certificate !== undefined].join(
    " ",
  );
  const kept = transports.get(key);
  if (kept !== undefined) return kept;
  const made = createWireTransport({
    url: `${tls === undefined ? "http" : "https"}://${host}:${port}`,
    tls,
    protocol: protocols[protocol as keyof typeof protocols],
    encoding: codec === Codec.JSON ? "json" : "proto",
    http2: httpVersion === HTTPVersion.HTTP_VERSION_2,
    useGet,
    ...(compression === Compression.GZIP ? { compression: { accepts: [gzip], sends: gzip, bytesMin: 0 } } : {}),
    ...(messageReceiveLimit === 0 ? {} : { answerBytesMax: messageReceiveLimit }),
  });
  transports.set(key, made);
  return made;
}

function tlsFrom({ serverTlsCert: ca, clientTlsCreds }: ClientCompatRequest): TlsClientOptions | undefined {
  return ca.length === 0 ? undefined : { ca, certificate: clientTlsCreds?.cert, key: clientTlsCreds?.key };
}

async function answer(asked: ClientCompatRequest): Promise<void> {
  const { testName } = asked;
  let result: ClientCompatResponse["result"];
  try {
    const value = await performCall(asked, transportFor(asked));
    result = { case: "response", value: losesTrailers ? { ...value, responseTrailers: [] } : value };
  } catch (thrown) {
    result = { case: "error", value: { message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) } };
  }
  process.stdout.write(framed(ClientCompatResponse, ClientCompatResponse.create({ testName, result })));
}

const underWay = new Set<Promise<void>>();
for await (const asked of messagesFrom(process.stdin, ClientCompatRequest)) {
  const one = answer(asked).finally(() => underWay.delete(one));
  underWay.add(one);
  if (underWay.size >= callsMax) await Promise.race(underWay);
}
await Promise.all(underWay);
await Promise.all([...transports.values()].map((transport) => transport.close()));
