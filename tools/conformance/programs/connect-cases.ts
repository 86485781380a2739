import type { DescService } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";

/** What of the service a foreign client is asked to call, as descriptors read at run time type it. */
interface Calls {
  emptyCall(request: object): Promise<object>;
  unaryCall(request: object, options?: object): Promise<{ readonly payload: { readonly body: Uint8Array } }>;
  streamingOutputCall(request: object, options?: object): AsyncIterable<{ readonly payload: { readonly body: Uint8Array } }>;
  streamingInputCall(requests: AsyncIterable<object>): Promise<{ readonly aggregatedPayloadSize: number }>;
  fullDuplexCall(requests: AsyncIterable<object>): AsyncIterable<{ readonly payload: { readonly body: Uint8Array } }>;
}

const answerSizes = [31415, 9, 2653, 58979] as const;

/** Calls of every kind that Connect's own client can make over a transport. Throws at the first that is not answered as it should be. */
export async function callByConnect(
  schema: DescService,
  transport: Transport,
  kinds: { readonly clientStreams: boolean; readonly bothWays: boolean },
): Promise<void> {
  const client = createClient(schema, transport) as unknown as Calls;
  expect("an empty answer", JSON.stringify(Object.keys(await client.emptyCall({})).filter((key) => !key.startsWith("$"))), "[]");
  const { payload } = await client.unaryCall({ responseSize: 314_159, payload: { body: new Uint8Array(271_828) } });
  expect("the size of a large answer", payload.body.length, 314_159);
  await expectMetadata(client);
  await expectStatus(client);
  const streamed = client.streamingOutputCall({ responseParameters: answerSizes.map((size) => ({ size })) });
  expect("sizes of a server stream", String(await sizesOf(streamed)), String(answerSizes));
  if (kinds.clientStreams) {
    const { aggregatedPayloadSize } = await client.streamingInputCall(
      streamOf([1, 20, 300].map((size) => ({ payload: { body: new Uint8Array(size) } }))),
    );
    expect("what a client stream held", aggregatedPayloadSize, 321);
  }
  if (kinds.bothWays) {
    const both = client.fullDuplexCall(streamOf(answerSizes.map((size) => ({ responseParameters: [{ size }] }))));
    expect("sizes of both streams", String(await sizesOf(both)), String(answerSizes));
  }
  await expectCancellation(client);
}

async function expectMetadata(client: Calls): Promise<void> {
  let ahead: string | null = null;
  let behind: string | null = null;
  await client.unaryCall(
    { responseSize: 1 },
    {
      headers: { "x-grpc-test-echo-initial": "ahead", "x-grpc-test-echo-trailing-bin": "q6ur" },
      onHeader: (headers: Headers) => (ahead = headers.get("x-grpc-test-echo-initial")),
      onTrailer: (trailers: Headers) => (behind = trailers.get("x-grpc-test-echo-trailing-bin")),
    },
  );
  expect("metadata", `${String(ahead)} ${String(behind)}`, "ahead q6ur");
}

async function expectStatus(client: Calls): Promise<void> {
  const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
  const thrown = await client.unaryCall({ responseStatus: { code: 2, message } }).then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  expect("a status", `${thrown?.code} ${thrown?.rawMessage}`, `${Code.Unknown} ${message}`);
}

/** The first answer comes, the second never would. */
async function expectCancellation(client: Calls): Promise<void> {
  const controller = new AbortController();
  const slow = { responseParameters: [{ size: 7 }, { size: 8, intervalUs: 600_000_000 }] };
  let answers = 0;
  try {
    for await (const answer of client.streamingOutputCall(slow, { signal: controller.signal })) {
      answers += answer.payload.body.length;
      controller.abort();
    }
  } catch (error) {
    expect("how a cancelled stream ends", ConnectError.from(error).code, Code.Canceled);
  }
  expect("what a cancelled stream held", answers, 7);
}

async function* streamOf(items: readonly object[]): AsyncGenerator<object, void, undefined> {
  yield* items;
}

async function sizesOf(answers: AsyncIterable<{ readonly payload: { readonly body: Uint8Array } }>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const { payload } of answers) sizes.push(payload.body.length);
  return sizes;
}

function expect(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: expected ${String(expected)}, found ${String(found)}`);
}
