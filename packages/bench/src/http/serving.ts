/** The three frameworks, as their own documentation serves an app. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Express } from "express";
import type { FastifyInstance } from "fastify";
import type { Hono } from "hono";
import type { Serving } from "./task.js";

export function serveExpress(app: Express, onClose: () => unknown = () => {}): Promise<Serving> {
  return new Promise((resolve) => {
    const server: Server = app.listen(0, "127.0.0.1", () => resolve(servingOf(server, onClose)));
  });
}

export async function serveFastify(
  app: FastifyInstance,
  onClose: () => unknown = () => {},
): Promise<Serving> {
  await app.listen({ port: 0, host: "127.0.0.1" });
  return {
    port: (app.server.address() as AddressInfo).port,
    async close() {
      app.server.closeAllConnections();
      await app.close();
      await onClose();
    },
  };
}

export function serveHono(app: Hono, onClose: () => unknown = () => {}): Promise<Serving> {
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () =>
      resolve(servingOf(server as Server, onClose)),
    );
  });
}

function servingOf(server: Server, onClose: () => unknown): Serving {
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await onClose();
    },
  };
}
