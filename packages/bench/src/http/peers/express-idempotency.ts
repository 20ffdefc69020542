/** express-idempotency, as its README has it: the middleware sends what it knows and calls the route all the same, which asks `isHit`. */
import express, { type ErrorRequestHandler } from "express";
import { getSharedIdempotencyService, idempotency } from "express-idempotency";
import { serveExpress } from "../serving.js";
import { type Contender, type Order, PATH } from "../task.js";

export const expressIdempotency: Contender = async ({ execute }) => {
  const app = express();
  app.post(PATH, express.json(), idempotency(), (request, response) => {
    if (getSharedIdempotencyService().isHit(request)) return;
    response.json(execute(request.body as Order));
  });
  app.use(answerError);
  return serveExpress(app);
};

/** It sets a status (409, 417) before it hands on an error. */
const answerError: ErrorRequestHandler = (error, _request, response, _next) => {
  const status = response.statusCode < 400 ? 500 : response.statusCode;
  response.status(status).json({ error: error.message });
};
