/** An HTTP/1.1 client on a bare socket: it sends what it is told, shows every byte that comes back, and can go away at any moment. */
import { connect } from "node:net";
import { deferred } from "./deferred.js";
import { parseReply, type Reply, type ReplyHead } from "./reply.js";

export interface Outgoing {
  method?: string | undefined;
  headers?: readonly (readonly [name: string, value: string])[] | undefined;
  body?: string | Uint8Array | undefined;
  /** Send the body in chunks, without its length. */
  chunked?: boolean | undefined;
  /** Send no more of the body than this many bytes, whatever its length says. */
  stopAfter?: number | undefined;
}

export interface Exchange {
  /** The head of the response, as soon as it is here. */
  head: Promise<ReplyHead>;
  /** The whole response. Rejects when the connection ends before that. */
  reply: Promise<Reply>;
  /** Resolves, with the body so far, as soon as it holds this text. Rejects where it cannot come any more. */
  received(text: string): Promise<string>;
  /** Disconnects. */
  cut(): void;
}

/** No case waits this long for anything that is right. */
const PATIENCE_MS = 8_000;

/** Sends one request on a connection of its own. */
export function exchange(url: string, outgoing: Outgoing): Exchange {
  const { hostname, port, host, path } = partsOf(url);
  const method = outgoing.method ?? "POST";
  const head = deferred<ReplyHead>();
  const reply = deferred<Reply>();
  const awaited = new Map<string, ReturnType<typeof deferred<string>>>();
  let raw = Buffer.alloc(0);
  let body = "";

  const socket = connect(Number(port), hostname);
  const fail = (why: string): void => {
    const error = new Error(
      `${method} ${path}: ${why}. The body so far: ${JSON.stringify(body.slice(0, 200))}`,
    );
    for (const one of [head, reply, ...awaited.values()]) one.reject(error);
    clearTimeout(patience);
    socket.destroy();
  };
  const patience = setTimeout(() => fail(`no whole response within ${PATIENCE_MS} ms`), PATIENCE_MS);

  function look(ended: boolean): void {
    const seen = parseReply(raw, method, ended);
    if (seen === undefined) return;
    body = seen.body.toString("latin1");
    head.resolve(seen);
    for (const [text, one] of awaited) if (body.includes(text)) one.resolve(body);
    if (!seen.complete) return;
    reply.resolve(seen);
    for (const one of awaited.values()) one.reject(new Error(`The response ended without it: ${body}`));
    clearTimeout(patience);
    socket.destroy();
  }

  socket.on("data", (bytes: Buffer) => {
    raw = Buffer.concat([raw, bytes]);
    look(false);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    look(true);
    // Has no effect on what is settled.
    fail("the connection was cut");
  });
  for (const bytes of wire(path, host, outgoing, "close")) socket.write(bytes);

  return {
    head: head.promise,
    reply: reply.promise,
    received(text) {
      const one = deferred<string>();
      awaited.set(text, one);
      if (body.includes(text)) one.resolve(body);
      return one.promise;
    },
    cut: () => fail("cut by the client"),
  };
}

/**
 * Sends requests one after the other, on one connection for as long as the server keeps it. Rejects when that is cut without the
 * server having said so.
 */
export async function conversation(
  requests: readonly { url: string; outgoing: Outgoing }[],
): Promise<Reply[]> {
  const replies: Reply[] = [];
  let left = [...requests];
  while (left.length > 0) {
    const some = await onOneConnection(left);
    replies.push(...some);
    left = left.slice(some.length);
  }
  return replies;
}

function onOneConnection(requests: readonly { url: string; outgoing: Outgoing }[]): Promise<Reply[]> {
  const { promise, resolve, reject } = deferred<Reply[]>();
  const { hostname, port } = partsOf(requests[0]?.url ?? "");
  const socket = connect(Number(port), hostname);
  const replies: Reply[] = [];
  let raw = Buffer.alloc(0);
  const fail = (why: string): void =>
    reject(new Error(`Request ${replies.length + 1} on this connection: ${why}.`));
  const patience = setTimeout(() => fail(`no whole response within ${PATIENCE_MS} ms`), PATIENCE_MS);
  const next = (): void => {
    const { url, outgoing } = requests[replies.length] as (typeof requests)[number];
    const { path, host } = partsOf(url);
    for (const bytes of wire(path, host, outgoing, "keep-alive")) socket.write(bytes);
  };
  socket.on("data", (bytes: Buffer) => {
    raw = Buffer.concat([raw, bytes]);
    const seen = parseReply(raw, requests[replies.length]?.outgoing.method ?? "POST", false);
    if (!seen?.complete) return;
    raw = raw.subarray(seen.raw.byteLength);
    replies.push(seen);
    if (replies.length === requests.length || /close/i.test(seen.header("connection") ?? ""))
      resolve(replies);
    else next();
  });
  socket.on("error", () => {});
  socket.on("close", () => fail("the connection was cut"));
  next();
  return promise.finally(() => {
    clearTimeout(patience);
    socket.destroy();
  });
}

function partsOf(url: string) {
  const { hostname, port, host } = new URL(url);
  // Not `URL`'s path: that would be tidied up.
  return { hostname, port, host, path: url.slice(url.indexOf(host) + host.length) || "/" };
}

function wire(
  path: string,
  host: string,
  outgoing: Outgoing,
  connection: "close" | "keep-alive",
): Uint8Array[] {
  const { method = "POST", headers = [], chunked = false, stopAfter } = outgoing;
  const body = Buffer.from(outgoing.body ?? "");
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, `Connection: ${connection}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (chunked) lines.push("Transfer-Encoding: chunked");
  else if (outgoing.body !== undefined || method === "POST") lines.push(`Content-Length: ${body.byteLength}`);
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  if (!chunked) return [head, body.subarray(0, stopAfter)];
  const half = Math.ceil(body.byteLength / 2);
  const parts = [body.subarray(0, half), body.subarray(half)].filter((part) => part.byteLength > 0);
  const framed = parts.flatMap((part) => [
    Buffer.from(`${part.byteLength.toString(16)}\r\n`),
    part,
    Buffer.from("\r\n"),
  ]);
  return [head, ...framed, Buffer.from("0\r\n\r\n")];
}
