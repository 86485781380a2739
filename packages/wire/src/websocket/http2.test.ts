// WebSocket over a stream of HTTP/2 (RFC 8441), with Node's HTTP/2 at the other end.
import assert from "node:assert/strict";
import http2 from "node:http2";
import { once } from "node:events";
import { test } from "node:test";
import { bytesOf, framesIn } from "./fixtures/frames.ts";
import { echoServer } from "./fixtures/echo-server.ts";
import { saidIn } from "./fixtures/memory-peer.ts";

for (const path of ["/", "/pull"]) {
  test(`an extended CONNECT opens a session, and several share a connection (${path})`, { timeout: 10_000 }, async (t) => {
    const server = await echoServer(t, { protocols: ["chat"] });
    const client = http2.connect(`http://127.0.0.1:${server.port}`);
    t.after(() => client.destroy());
    await once(client, "remoteSettings");
    assert.equal(client.remoteSettings.enableConnectProtocol, true);
    const large = "x".repeat(300_000);
    const talks = [1, 2, 3].map(async (number) => {
      const stream = client.request({
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "http",
        ":path": path,
        ":authority": `127.0.0.1:${server.port}`,
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "chat",
      });
      const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders & { ":status": number }];
      assert.deepEqual([headers[":status"], headers["sec-websocket-protocol"], headers["sec-websocket-accept"]], [200, "chat", undefined]);
      const sent = [
        { opcode: 1, payload: `hello ${number}` },
        { opcode: 9, payload: "?" },
        { opcode: 1, payload: large },
      ];
      for (const frame of sent) stream.write(bytesOf(frame, true));
      stream.write(bytesOf({ opcode: 8, payload: Buffer.from([3, 232]) }, true));
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      stream.end();
      const said = saidIn(framesIn(Buffer.concat(chunks)));
      assert.deepEqual(said.filter((line) => !line.startsWith("text 300000")).toSorted(), [
        "close 1000",
        "pong 3f",
        `text hello ${number}`,
      ]);
      assert.equal(said.length, 4);
    });
    await Promise.all(talks);
    const closes = await Promise.all(server.sessions.map((session) => session.whenClosed));
    assert.ok(closes.every(({ code, clean }) => code === 1000 && clean));
  });
}

test("a stream that is reset is a session that is lost", { timeout: 10_000 }, async (t) => {
  const server = await echoServer(t);
  const client = http2.connect(`http://127.0.0.1:${server.port}`);
  t.after(() => client.destroy());
  await once(client, "remoteSettings");
  const pseudo = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": "/", ":authority": "a" };
  const stream = client.request({ ...pseudo, "sec-websocket-version": "13" });
  stream.on("error", () => undefined);
  await once(stream, "response");
  stream.close(http2.constants.NGHTTP2_CANCEL);
  const { code, error } = (await server.sessions[0]?.whenClosed) ?? {};
  assert.deepEqual([code, error?.reason], [1006, "WEBSOCKET_LOST"]);
});
