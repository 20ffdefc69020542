/** Powertools for AWS Lambda: its cache layer on node-redis, around a function that is no Lambda's handler. */
import {
  IdempotencyAlreadyInProgressError,
  IdempotencyConfig,
  makeIdempotent,
} from "@aws-lambda-powertools/idempotency";
import { CachePersistenceLayer } from "@aws-lambda-powertools/idempotency/cache";
import { createClient } from "@redis/client";
import express, { type ErrorRequestHandler } from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { serveExpress, serveFastify, serveHono } from "../serving.js";
import { type Contender, type Order, PATH } from "../task.js";

const REQUEST_MS = 60_000;

export const powertools: Contender = async ({ framework, address, execute }) => {
  const client = await createClient({ url: address }).connect();
  const config = new IdempotencyConfig({});
  // Outside of Lambda, as its warning asks. Without, a record in progress has no deadline and counts as abandoned: a copy runs beside it.
  config.registerLambdaContext({ getRemainingTimeInMillis: () => REQUEST_MS });
  // Its key is a hash of the first argument.
  const answer = makeIdempotent(async (_key: string, order: Order) => execute(order), {
    persistenceStore: new CachePersistenceLayer({ client }),
    config,
  });
  const close = () => client.destroy();
  switch (framework) {
    case "express": {
      const app = express();
      app.post(PATH, express.json(), async (request, response) => {
        response.json(await answer(String(request.headers["idempotency-key"]), request.body));
      });
      const onError: ErrorRequestHandler = (error, _request, response, _next) => {
        response.status(statusOf(error)).json({ error: error.message });
      };
      app.use(onError);
      return serveExpress(app, close);
    }
    case "fastify": {
      const app = Fastify();
      app.post(PATH, async (request) =>
        answer(String(request.headers["idempotency-key"]), request.body as Order),
      );
      app.setErrorHandler((error: Error, _request, reply) =>
        reply.code(statusOf(error)).send({ error: error.message }),
      );
      return serveFastify(app, close);
    }
    case "hono": {
      const app = new Hono();
      app.post(PATH, async (c) =>
        c.json(await answer(String(c.req.header("idempotency-key")), await c.req.json<Order>())),
      );
      app.onError((error, c) => c.json({ error: error.message }, statusOf(error)));
      return serveHono(app, close);
    }
  }
};

function statusOf(error: unknown): 409 | 500 {
  return error instanceof IdempotencyAlreadyInProgressError ? 409 : 500;
}
