import assert from "node:assert/strict";
import type net from "node:net";
import { test } from "node:test";
import { createClient } from "./client.ts";
import type { BodyStream } from "./http.ts";
import { readBody } from "./read-body.ts";
import type { wireReasons } from "./reasons.ts";
import { answerHeads, createOrigin } from "./testing/origin.ts";
import { failure, pair, textOf } from "./testing/pair.ts";
import { turn, until } from "./testing/turns.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const get = { method: "GET", target: "/", headers: [] };

const afterHead = (socket: net.Socket, action: () => void): void => void socket.once("data", action);

test("client keeps connections and takes the one used last", async (t) => {
  const { client, origin } = await pair(t, (socket, index) =>
    answerHeads(socket, () => ok.replace("ok", `${index}!`).replace(": 2", ": 2")),
  );
  const first = await Promise.all([client.request(get), client.request(get), client.request(get)]);
  assert.equal(first.length, 3);
  assert.equal(origin.sockets.length, 3);
  await until(() => client.state.idle === 3);
  const last = await textOf(await client.request(get));
  for (let count = 0; count < 5; count += 1) assert.equal(await textOf(await client.request(get)), last);
  assert.deepEqual(client.state, { open: 3, idle: 3, inFlight: 0, waiting: 0 });
});

test("client writes requests that leave no doubt", async (t) => {
  const heads: string[] = [];
  const { client, origin } = await pair(t, (socket) =>
    answerHeads(socket, (_count, head) => {
      heads.push(head);
      return ok;
    }),
  );
  await client.request({ method: "GET", target: "/a?b", authority: "films:80", headers: ["accept", "*/*", "x", ""] });
  await client.request({ method: "POST", target: "/", headers: [] });
  await client.request({ method: "PUT", target: "/", headers: [], body: Buffer.from("abc") });
  assert.deepEqual(heads, [
    "GET /a?b HTTP/1.1\r\nhost: films:80\r\naccept: */*\r\nx: \r\n\r\n",
    `POST / HTTP/1.1\r\nhost: 127.0.0.1:${origin.port}\r\ncontent-length: 0\r\n\r\n`,
    `PUT / HTTP/1.1\r\nhost: 127.0.0.1:${origin.port}\r\ncontent-length: 3\r\n\r\n`,
  ]);
});

const badRequests: Readonly<Record<string, object>> = {
  "a space in the target": { target: "/a b" },
  "CR LF in the target": { target: "/a\r\nx: y" },
  "an empty target": { target: "" },
  "a target beyond ASCII": { target: "/\u010a" },
  "a method with a space": { method: "GET /x" },
  "an authority with CR LF": { authority: "a\r\nx: y" },
  "a value with LF": { headers: ["x", "a\nb"] },
  "a name in upper case": { headers: ["Host", "a"] },
  "a Content-Length of its own": { headers: ["content-length", "0"] },
  "a protocol with a blank": { upgrade: "a b" },
};

for (const [name, request] of Object.entries(badRequests)) {
  test(`client sends nothing and keeps its connection for a request with ${name}`, async (t) => {
    let bytes = 0;
    const { client } = await pair(t, (socket) => {
      socket.on("data", (data) => {
        bytes += data.length;
      });
    });
    const error = await failure(client.request({ ...get, ...request }));
    assert.equal(error.reason, "REQUEST_INVALID");
    assert.equal(error.sent, false);
    await until(() => client.state.idle === 1);
    await turn();
    assert.equal(bytes, 0);
  });
}

test("client reports a connection that nobody accepts", async () => {
  const origin = await createOrigin(() => undefined);
  origin.close();
  const client = createClient({ host: "127.0.0.1", port: origin.port });
  const error = await failure(client.request(get));
  assert.equal(error.reason, "CONNECT_FAILED");
  assert.deepEqual([error.sent, error.answered], [false, false]);
  assert.match(error.message, /ECONNREFUSED/);
  assert.equal(client.state.open, 0);
});

test("client says that a kept connection was stale when it dies before any byte of the answer", async (t) => {
  const { client } = await pair(t, (socket) =>
    answerHeads(socket, (count) => {
      if (count === 0) return ok;
      socket.destroy();
      return undefined;
    }),
  );
  await client.request(get);
  const error = await failure(client.request(get));
  assert.equal(error.reason, "CONNECTION_STALE");
  assert.deepEqual([error.sent, error.answered], [true, false]);
});

test("client drops idle connections that the origin ends", async (t) => {
  const { client, origin } = await pair(t, (socket) => answerHeads(socket, () => ok));
  await client.request(get);
  origin.sockets[0]?.end();
  await until(() => client.state.open === 0);
  assert.equal((await client.request(get)).status, 200);
});

test("client closes connections that stood idle for idleMs", async (t) => {
  const { client } = await pair(t, (socket) => answerHeads(socket, () => ok), { timeouts: { idleMs: 50 } });
  await client.request(get);
  assert.equal(client.state.idle, 1);
  await until(() => client.state.open === 0);
});

test("client does not use a connection again that the origin wants closed", async (t) => {
  const { client, origin } = await pair(t, (socket) =>
    answerHeads(socket, () => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
  );
  await client.request(get);
  await client.request(get);
  assert.equal(origin.sockets.length, 2);
});

const slow: Readonly<Record<string, readonly [string, keyof typeof wireReasons, object]>> = {
  "does not answer": ["", "UPSTREAM_HEAD_TIMEOUT", { headerTimeoutMs: 40 }],
  "stops in the head": ["HTTP/1.1 200 OK\r\nX: ", "UPSTREAM_HEAD_TIMEOUT", { headerTimeoutMs: 40 }],
  "stops in the body": ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "UPSTREAM_BODY_TIMEOUT", {}],
  "takes longer than the request may": ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "TOTAL_TIMEOUT", { timeoutMs: 40 }],
};

for (const [name, [answer, reason, options]] of Object.entries(slow)) {
  test(`client rejects with ${reason} when the origin ${name}`, async (t) => {
    const { client } = await pair(t, (socket) => afterHead(socket, () => socket.write(answer)), { timeouts: { bodyIdleMs: 60 } });
    const error = await failure(client.request(get, options));
    assert.equal(error.reason, reason);
    assert.equal(error.status, 504);
    assert.equal(error.sent, true);
    await until(() => client.state.open === 0);
  });
}

test("client fails a streamed body with TOTAL_TIMEOUT when the time of the request is over", async (t) => {
  const { client } = await pair(t, (socket) =>
    afterHead(socket, () => socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")),
  );
  const response = await client.request(get, { timeoutMs: 60 });
  assert.equal((await failure(readBody(response.body, 100))).reason, "TOTAL_TIMEOUT");
});

test("client rejects with CONNECT_TIMEOUT when nobody takes the connection", async () => {
  // 192.0.2.0/24 is for documentation (RFC 5737): nothing answers there, or the network says so at once.
  const client = createClient({ host: "192.0.2.1", port: 81, timeouts: { connectMs: 50 } });
  const error = await failure(client.request(get));
  assert.match(error.reason, /^CONNECT_(TIMEOUT|FAILED)$/);
  assert.equal(error.sent, false);
  await client.close();
});

test("client is cancelled by a signal before, during and after the answer's head", async (t) => {
  const { client } = await pair(t, (socket) =>
    answerHeads(socket, (_count, head) =>
      head.startsWith("GET /stream") ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" : undefined,
    ),
  );
  const before = await failure(client.request(get, { signal: AbortSignal.abort() }));
  assert.deepEqual([before.reason, before.sent], ["REQUEST_CANCELLED", false]);
  const during = new AbortController();
  const waiting = client.request(get, { signal: during.signal });
  await until(() => client.state.inFlight === 1);
  during.abort();
  assert.equal((await failure(waiting)).reason, "REQUEST_CANCELLED");
  const after = new AbortController();
  const response = await client.request({ ...get, target: "/stream" }, { signal: after.signal });
  const reading = readBody(response.body, 100);
  after.abort();
  assert.equal((await failure(reading)).reason, "REQUEST_CANCELLED");
  await until(() => client.state.open === 0);
});

test("client is cancelled by onCancel, and not after the end", async (t) => {
  const { client } = await pair(t, (socket) => answerHeads(socket, (count) => (count === 0 ? ok : undefined)));
  let cancel: (() => void) | undefined;
  const options = { onCancel: (listener: () => void) => void (cancel = listener) };
  await client.request(get, options);
  cancel?.();
  assert.equal(client.state.idle, 1);
  const waiting = client.request(get, options);
  cancel?.();
  assert.equal((await failure(waiting)).reason, "REQUEST_CANCELLED");
});

test("client lets a bounded number wait for a bounded time, in order", async (t) => {
  const held: (() => void)[] = [];
  const targets: string[] = [];
  const { client } = await pair(
    t,
    (socket) =>
      answerHeads(socket, (_count, head) => {
        targets.push(head.split(" ")[1] as string);
        held.push(() => void socket.write(ok));
        return undefined;
      }),
    { connectionsMax: 1, waitersMax: 2, timeouts: { waitMs: 10_000 } },
  );
  const requests = ["/1", "/2", "/3"].map((target) => client.request({ ...get, target }));
  assert.deepEqual(client.state, { open: 1, idle: 0, inFlight: 1, waiting: 2 });
  const tooMany = await failure(client.request(get));
  assert.deepEqual([tooMany.reason, tooMany.sent], ["WAITERS_TOO_MANY", false]);
  for (let count = 0; count < 3; count += 1) {
    await until(() => held.length > count);
    held[count]?.();
  }
  assert.equal((await Promise.all(requests)).length, 3);
  assert.deepEqual(targets, ["/1", "/2", "/3"]);
});

test("client rejects with WAIT_TIMEOUT when no connection becomes free, and with REQUEST_CANCELLED when a waiting request is given up", async (t) => {
  const { client } = await pair(t, () => undefined, { connectionsMax: 1, timeouts: { waitMs: 50 } });
  const first = client.request(get);
  const second = client.request(get);
  const controller = new AbortController();
  const third = client.request(get, { signal: controller.signal });
  controller.abort();
  assert.deepEqual([(await failure(third)).reason, client.state.waiting], ["REQUEST_CANCELLED", 1]);
  const error = await failure(second);
  assert.deepEqual([error.reason, error.sent], ["WAIT_TIMEOUT", false]);
  await client.close();
  assert.equal((await failure(first)).reason, "CLIENT_CLOSED");
});

test("client that is drained finishes what is on its way and takes no more", async (t) => {
  let finish: (() => void) | undefined;
  const { client } = await pair(t, (socket) =>
    answerHeads(socket, () => {
      finish = () => void socket.write(ok);
      return undefined;
    }),
  );
  const request = client.request(get);
  await until(() => finish !== undefined);
  const drained = client.drain(10_000);
  assert.equal((await failure(client.request(get))).reason, "CLIENT_CLOSED");
  finish?.();
  assert.equal(await textOf(await request), "ok");
  await drained;
  assert.equal(client.state.open, 0);
});

test("client that is drained cuts what is left after the time", async (t) => {
  const { client, origin } = await pair(t, () => undefined);
  const request = client.request(get);
  await until(() => origin.sockets.length === 1);
  const rejected = failure(request);
  await client.drain(30);
  assert.equal((await rejected).reason, "CLIENT_CLOSED");
});

test("client waits for 100 Continue before it sends the body, and does not send it when the answer is final", async (t) => {
  let received = "";
  const { client } = await pair(
    t,
    (socket) => {
      socket.on("data", (bytes) => {
        received += bytes.toString("latin1");
        if (received.endsWith("\r\n\r\n"))
          socket.write(
            received.includes("/no") ? "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 100 Continue\r\n\r\n",
          );
        if (received.endsWith("hello")) socket.write(ok);
      });
    },
    { timeouts: { continueMs: 60_000 } },
  );
  const request = { method: "POST", target: "/yes", headers: ["expect", "100-continue"], body: Buffer.from("hello") };
  assert.equal(await textOf(await client.request(request)), "ok");
  received = "";
  assert.equal((await client.request({ ...request, target: "/no" })).status, 417);
  await until(() => client.state.open === 0);
  assert.doesNotMatch(received, /hello/);
});

test("client sends the body anyway when 100 Continue does not come", async (t) => {
  const { client } = await pair(t, (socket) => socket.on("data", (bytes) => bytes.toString().endsWith("hello") && socket.write(ok)), {
    timeouts: { continueMs: 30 },
  });
  const response = await client.request({ method: "POST", target: "/", headers: ["expect", "100-continue"], body: Buffer.from("hello") });
  assert.equal(response.status, 200);
});

test("client stops sending a body that the origin does not want and closes", async (t) => {
  const { client } = await pair(t, (socket) =>
    afterHead(socket, () => socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")),
  );
  let left = false;
  const body = (async function* () {
    try {
      for (;;) {
        yield new Uint8Array(1000);
        await turn();
      }
    } finally {
      left = true;
    }
  })();
  const response = await client.request({ method: "POST", target: "/", headers: [], body });
  assert.equal(response.status, 413);
  await until(() => left && client.state.open === 0);
});

test("client gives the connection up when the request's body fails", async (t) => {
  const { client } = await pair(t, (socket) => socket.resume());
  const body = (async function* () {
    yield new Uint8Array(10);
    throw new Error("broken");
  })();
  const error = await failure(client.request({ method: "POST", target: "/", headers: [], body }));
  assert.deepEqual([error.reason, (error.cause as Error).message], ["REQUEST_CANCELLED", "broken"]);
  await until(() => client.state.open === 0);
});

test("client reads no faster than its reader", async (t) => {
  let written = 0;
  const chunk = Buffer.alloc(65_536);
  const { client } = await pair(t, (socket) =>
    afterHead(socket, () => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n");
      const pump = (): void => {
        while (socket.write(chunk)) written += chunk.length;
        written += chunk.length;
      };
      socket.on("drain", pump);
      pump();
    }),
  );
  const response = await client.request(get);
  const iterator = (response.body as BodyStream)[Symbol.asyncIterator]();
  await iterator.next();
  let before = -1;
  // What the kernel's buffers take is its business; after that the origin must come to a halt.
  for (let still = 0; still < 20; still = written === before ? still + 1 : 0) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(written < 30_000_000, `expected the origin to be held up, found ${written} bytes written`);
  const memory = process.memoryUsage().arrayBuffers;
  assert.ok(memory < 60_000_000, `expected bounded memory, found ${memory}`);
  await iterator.next();
  await iterator.return?.();
  await until(() => client.state.open === 0);
});

test("client sends no faster than the origin reads", async (t) => {
  const { client } = await pair(t, (socket) => socket.pause());
  let given = 0;
  const body = (async function* () {
    for (;;) {
      given += 65_536;
      yield new Uint8Array(65_536);
    }
  })();
  const request = failure(client.request({ method: "POST", target: "/", headers: [], body }));
  let before = -1;
  for (let still = 0; still < 20; still = given === before ? still + 1 : 0) {
    before = given;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(given < 30_000_000, `expected the body to be held up, found ${given} bytes taken`);
  await client.close();
  assert.equal((await request).reason, "CLIENT_CLOSED");
});

test("client hands over the connection after 101 with the bytes that were there already", async (t) => {
  const { client } = await pair(t, (socket) => {
    answerHeads(socket, (_count, head) => {
      assert.match(head, /\r\nconnection: upgrade\r\nupgrade: echo\r\n/);
      socket.removeAllListeners("data");
      socket.on("data", (bytes) => socket.write(bytes));
      socket.on("end", () => socket.end());
      return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst";
    });
  });
  const { status, duplex } = await client.request({ ...get, upgrade: "echo" });
  assert.equal(status, 101);
  assert.ok(duplex !== undefined);
  const iterator = duplex[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), "first");
  await duplex.write(Buffer.from("second"));
  assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), "second");
  duplex.end();
  assert.equal((await iterator.next()).done, true);
  await until(() => client.state.open === 0);
});
