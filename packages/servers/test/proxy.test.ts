import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startProxy, type TcpProxy } from "../src/index.js";
import { until } from "../src/until.js";

/** A server that answers each chunk with itself, behind a proxy. */
async function open(): Promise<{ proxy: TcpProxy; received: string[]; upstreams: Socket[] }> {
  const received: string[] = [];
  const upstreams: Socket[] = [];
  const server = createServer((socket) => {
    upstreams.push(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received.push(String(chunk));
      socket.write(chunk);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  const proxy = await startProxy({ host: "127.0.0.1", port });
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  return { proxy, received, upstreams };
}

interface Client {
  socket: Socket;
  /** All that came back. */
  text(): string;
  /** `ECONNRESET`, or `end` for a proper end; `undefined` while it is open. */
  ended(): string | undefined;
}

async function dial({ port }: TcpProxy): Promise<Client> {
  let text = "";
  let ended: string | undefined;
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("end", () => {
    ended ??= "end";
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    ended ??= error.code;
  });
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return { socket, text: () => text, ended: () => ended };
}

const NOTHING = { droppedReplies: 0, delayedChunks: 0, heldChunks: 0, refusedConnections: 0 };

test("passes both ways, and ends as its sides end", async () => {
  const { proxy, upstreams } = await open();
  expect(proxy.url()).toBe(`redis://127.0.0.1:${proxy.port}`);
  expect(proxy.url("rediss")).toBe(`rediss://127.0.0.1:${proxy.port}`);
  const client = await dial(proxy);
  const large = "x".repeat(1_000_000);
  client.socket.write(large);
  await until("all comes back", () => client.text() === large);
  upstreams[0]?.end();
  await until("the end arrives", () => client.ended() === "end");
  const second = await dial(proxy);
  second.socket.write("a");
  await until("it answers", () => second.text() === "a");
  upstreams[1]?.resetAndDestroy();
  await until("the reset arrives", () => second.ended() === "ECONNRESET");
  expect(proxy.counts).toEqual(NOTHING);
});

test("resets the client where nothing listens behind it", async () => {
  const proxy = await startProxy({ host: "127.0.0.1", port: 1 });
  onTestFinished(() => proxy.close());
  const client = await dial(proxy);
  await until("it is reset", () => client.ended() === "ECONNRESET");
});

test("dropReplies: what was sent arrives, its reply does not, and both sides are reset", async () => {
  const { proxy, received, upstreams } = await open();
  const randoms = [0.5, 0.29];
  proxy.behave({ dropReplies: 0.3, random: () => randoms.shift() ?? 1 });
  const client = await dial(proxy);
  client.socket.write("kept");
  await until("it answers", () => client.text() === "kept");
  client.socket.write("lost");
  await until("it is reset", () => client.ended() === "ECONNRESET");
  expect(client.text()).toBe("kept");
  expect(received.join()).toBe("kept,lost");
  await until("the server's side too", () => upstreams[0]?.destroyed === true);
  expect(proxy.counts).toEqual({ ...NOTHING, droppedReplies: 1 });

  const next = await dial(proxy);
  next.socket.write("again");
  await until("a new connection works", () => next.text() === "again");
  proxy.behave({ dropReplies: 1 });
  next.socket.write("!");
  await until("it is reset", () => next.ended() === "ECONNRESET");
  expect(proxy.counts).toEqual({ ...NOTHING, droppedReplies: 2 });
});

test("latencyMs: each direction is late by that, in order, and on time again afterwards", async () => {
  const { proxy } = await open();
  const client = await dial(proxy);
  proxy.behave({ latencyMs: 60 });
  const from = performance.now();
  client.socket.write("1");
  await until("it answers", () => client.text() === "1");
  expect(performance.now() - from).toBeGreaterThanOrEqual(118);
  expect(proxy.counts).toEqual({ ...NOTHING, delayedChunks: 2 });
  client.socket.write("2");
  await sleep(10);
  proxy.behave("pass");
  client.socket.write("3");
  await until("both answers come", () => client.text().length === 3);
  expect(client.text()).toBe("123");
});

test("halfOpen: nothing arrives and nothing ends, until it passes again; then all of it does", async () => {
  const { proxy, received, upstreams } = await open();
  const client = await dial(proxy);
  client.socket.write("before");
  await until("it answers", () => client.text() === "before");
  proxy.behave("halfOpen");
  client.socket.write(" during");
  upstreams[0]?.write(" from the server");
  upstreams[0]?.end();
  await sleep(100);
  expect(received).toEqual(["before"]);
  expect(client.text()).toBe("before");
  expect(client.ended()).toBeUndefined();
  // A connection is taken even now.
  const second = await dial(proxy);
  second.socket.write("late");
  await until("what is held is counted", () => proxy.counts.heldChunks === 3);
  proxy.behave("pass");
  await until("the end arrives", () => client.ended() === "end");
  expect(client.text()).toBe("before from the server");
  await until("the other one is served", () => second.text() === "late");
});

test("refuse: what is open is reset, and so is what comes; afterwards connections work", async () => {
  const { proxy, upstreams } = await open();
  const client = await dial(proxy);
  await until("it is connected", () => upstreams.length === 1);
  proxy.behave("refuse");
  await until("it is reset", () => client.ended() === "ECONNRESET");
  await until("the server's side too", () => upstreams[0]?.destroyed === true);
  const refused = await dial(proxy).catch((error: NodeJS.ErrnoException) => ({ ended: () => error.code }));
  await until("it is refused", () => refused.ended() === "ECONNRESET");
  expect(proxy.counts).toEqual({ ...NOTHING, refusedConnections: 2 });
  proxy.behave("pass");
  const next = await dial(proxy);
  next.socket.write("again");
  await until("it answers", () => next.text() === "again");
});

test("close() ends what is open, and stops listening", async () => {
  const { proxy } = await open();
  const client = await dial(proxy);
  proxy.behave("halfOpen");
  await proxy.close();
  await until("it is reset", () => client.ended() === "ECONNRESET");
  await expect(dial(proxy)).rejects.toThrow();
});
