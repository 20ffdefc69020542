/** Express 4 and 5 on real sockets. */
import { EventEmitter } from "node:events";
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Server,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import express5 from "express";
import express4 from "express4";
import { afterEach } from "vitest";

/** Both majors, for `describe.each`. The types of the fourth are those of the fifth: what differs is checked in types.test.ts. */
export const MAJORS: [name: string, express: typeof express5][] = [
  ["Express 5", express5],
  ["Express 4", express4 as unknown as typeof express5],
];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
/** Runs after the test, latest first. */
export const afterTest = (cleanup: () => unknown): void => void cleanups.push(cleanup);

/** A route that is closed after the test. */
export function closing<Route extends { close(options?: { drainMs?: number }): Promise<void> }>(
  route: Route,
): Route {
  afterTest(() => route.close({ drainMs: 0 }));
  return route;
}

export interface Listening {
  port: number;
  server: Server;
}

export async function listen(app: express5.Express): Promise<Listening> {
  const server = await new Promise<Server>((resolve) => {
    const started = app.listen(0, "127.0.0.1", () => resolve(started));
  });
  afterTest(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { port: (server.address() as AddressInfo).port, server };
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json(): unknown;
  /** The client's port: the same one means that the connection was reused. */
  localPort: number | undefined;
}

export interface Sending {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Uint8Array;
  agent?: import("node:http").Agent;
}

export function send({ port }: Listening, path = "/hooks", sending: Sending = {}): Promise<Answer> {
  const { method = "POST", headers = {}, body, agent } = sending;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      port,
      host: "127.0.0.1",
      path,
      method,
      headers,
      ...(agent ? { agent } : {}),
    });
    outgoing.on("error", reject).on("response", (incoming) => {
      const localPort = incoming.socket.localPort;
      const chunks: Buffer[] = [];
      incoming
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("error", reject)
        .on("end", () => {
          const bytes = Buffer.concat(chunks);
          const answer = {
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: bytes,
            localPort,
          };
          resolve({ ...answer, json: () => JSON.parse(bytes.toString()) });
        });
    });
    outgoing.end(body);
  });
}

/** A raw connection that keeps all it hears. */
export function dial({ port }: Listening) {
  const socket: Socket = connect(port, "127.0.0.1");
  const changed = new EventEmitter();
  let heard = "";
  let closed = false;
  socket.on("data", (chunk) => {
    heard += chunk.toString("latin1");
    changed.emit("change");
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    changed.emit("change");
  });
  afterTest(() => socket.destroy());

  async function until<T>(value: () => T | undefined | false): Promise<T> {
    for (;;) {
      const now = value();
      if (now !== undefined && now !== false) return now;
      await new Promise((resolve) => changed.once("change", resolve));
    }
  }
  return {
    socket,
    heard: () => heard,
    /** The status of the first answer. */
    status: () => until(() => /^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1]),
    closed: () => until(() => closed),
    write: (data: string | Uint8Array) => socket.write(data),
  };
}
