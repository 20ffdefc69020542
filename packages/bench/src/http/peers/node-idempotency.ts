/**
 * node-idempotency: the middleware of an app that has its core, `onRequest` before the route and `onResponse` after it, as the core's README
 * tells. It stores what its own plugins store, when they do: on Express while the answer leaves, on Fastify before it.
 */
import {
  Idempotency,
  IdempotencyError,
  IdempotencyErrorCodes,
  type IdempotencyParams,
} from "@node-idempotency/core";
import { MemoryStorageAdapter } from "@node-idempotency/storage-adapter-memory";
import { RedisStorageAdapter } from "@node-idempotency/storage-adapter-redis";
import express, { type RequestHandler } from "express";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { serveExpress, serveFastify } from "../serving.js";
import { type Contender, type Order, PATH, type Task } from "../task.js";

const STATUSES: Partial<Record<IdempotencyErrorCodes, number>> = {
  [IdempotencyErrorCodes.REQUEST_IN_PROGRESS]: 409,
  [IdempotencyErrorCodes.IDEMPOTENCY_FINGERPRINT_MISSMATCH]: 422,
};

export const nodeIdempotency: Contender = async (task) => {
  const { storage, close } = await storageOf(task);
  const idempotency = new Idempotency(storage);
  if (task.framework === "fastify") {
    const app = Fastify();
    guardFastify(app, idempotency);
    app.post(PATH, async (request) => task.execute(request.body as Order));
    return serveFastify(app, close);
  }
  const app = express();
  app.post(PATH, express.json(), guardExpress(idempotency), (request, response) => {
    response.json(task.execute(request.body as Order));
  });
  return serveExpress(app, close);
};

async function storageOf({ store, address }: Task) {
  if (store === "memory") return { storage: new MemoryStorageAdapter(), close() {} };
  // It makes its own client, of node-redis 4.
  const storage = new RedisStorageAdapter({ url: address });
  await storage.connect();
  return { storage, close: () => storage.disconnect() };
}

function guardExpress(idempotency: Idempotency): RequestHandler {
  return async (request, response, next) => {
    const { headers, body, url: path, method } = request;
    const params: IdempotencyParams = { headers, body, path, method };
    try {
      const known = await idempotency.onRequest(params);
      if (known !== undefined) {
        response.status(known.additional?.statusCode as number).json(known.body);
        return;
      }
    } catch (error) {
      response.status(statusOf(error)).json({ error: (error as Error).message });
      return;
    }
    const json = response.json.bind(response);
    response.json = (answer) => {
      void idempotency.onResponse(params, {
        body: answer,
        additional: { statusCode: response.statusCode },
      });
      return json(answer);
    };
    next();
  };
}

function guardFastify(app: FastifyInstance, idempotency: Idempotency): void {
  const claims = new WeakMap<FastifyRequest, IdempotencyParams>();
  app.addHook("preHandler", async (request, reply) => {
    const { headers, body, url: path, method } = request;
    const params: IdempotencyParams = { headers, body: body as Record<string, unknown>, path, method };
    try {
      const known = await idempotency.onRequest(params);
      if (known === undefined) {
        claims.set(request, params);
        return;
      }
      const { statusCode, contentType } = known.additional as { statusCode: number; contentType: string };
      return reply.code(statusCode).header("content-type", contentType).send(known.body);
    } catch (error) {
      return reply.code(statusOf(error)).send({ error: (error as Error).message });
    }
  });
  app.addHook("onSend", async (request, reply, body) => {
    const params = claims.get(request);
    if (params === undefined) return;
    const additional = { statusCode: reply.statusCode, contentType: reply.getHeader("content-type") };
    await idempotency.onResponse(params, { body, additional });
  });
}

function statusOf(error: unknown): number {
  return (error instanceof IdempotencyError && STATUSES[error.code]) || 500;
}
