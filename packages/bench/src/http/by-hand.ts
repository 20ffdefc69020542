/** What the usual tutorial writes by hand on Redis: `GET`, `SETNX`, `EXPIRE`, run, `SETEX`, `DEL` of the lock. */
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { serveExpress, serveFastify, serveHono } from "./serving.js";
import { type Contender, type Order, PATH, type Receipt } from "./task.js";

const LOCK_S = 60;
const RESULT_S = 24 * 60 * 60;

type Answer = { status: number; body: Receipt | { error: string } };

export const byHand: Contender = async ({ framework, address, execute }) => {
  const client = new Redis(address);

  async function answer(key: string, order: () => Order | Promise<Order>): Promise<Answer> {
    const locked = await client.setnx(`lock:${key}`, "1");
    if (locked === 0) {
      const known = await client.get(`result:${key}`);
      if (known !== null) return { status: 200, body: JSON.parse(known) };
      return { status: 409, body: { error: "in progress" } };
    }
    await client.expire(`lock:${key}`, LOCK_S);
    const known = await client.get(`result:${key}`);
    if (known !== null) {
      await client.del(`lock:${key}`);
      return { status: 200, body: JSON.parse(known) };
    }
    try {
      const body = execute(await order());
      await client.setex(`result:${key}`, RESULT_S, JSON.stringify(body));
      return { status: 200, body };
    } finally {
      await client.del(`lock:${key}`);
    }
  }

  const close = () => client.disconnect();
  switch (framework) {
    case "express": {
      const app = express();
      app.post(PATH, express.json(), async (request, response) => {
        const { status, body } = await answer(String(request.headers["idempotency-key"]), () => request.body);
        response.status(status).json(body);
      });
      return serveExpress(app, close);
    }
    case "fastify": {
      const app = Fastify();
      app.post(PATH, async (request, reply) => {
        const key = String(request.headers["idempotency-key"]);
        const { status, body } = await answer(key, () => request.body as Order);
        return reply.code(status).send(body);
      });
      return serveFastify(app, close);
    }
    case "hono": {
      const app = new Hono();
      app.post(PATH, async (c) => {
        const key = String(c.req.header("idempotency-key"));
        const { status, body } = await answer(key, () => c.req.json<Order>());
        return c.json(body, status as 200);
      });
      return serveHono(app, close);
    }
  }
};
