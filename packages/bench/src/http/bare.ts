/** The framework alone: parses the order, does the work, sends the receipt as JSON. */
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { serveExpress, serveFastify, serveHono } from "./serving.js";
import { type Contender, type Order, PATH } from "./task.js";

export const bare: Contender = async ({ framework, execute }) => {
  switch (framework) {
    case "express": {
      const app = express();
      app.post(PATH, express.json(), (request, response) => {
        response.json(execute(request.body as Order));
      });
      return serveExpress(app);
    }
    case "fastify": {
      const app = Fastify();
      app.post(PATH, async (request) => execute(request.body as Order));
      return serveFastify(app);
    }
    case "hono": {
      const app = new Hono();
      app.post(PATH, async (c) => c.json(execute(await c.req.json<Order>())));
      return serveHono(app);
    }
  }
};
