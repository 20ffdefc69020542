/** Who ended a connection: a response that was cut says only that it was. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Connections whose time limit has passed. */
const timedOut = new WeakSet<Socket>();
const watched = new WeakSet<Socket>();

/**
 * Asked once the connection is cut. `app`: it was neither the client, nor an error or a time limit of the connection, so it was the app
 * that destroyed it, as Express does when a route fails after its head.
 */
export function whoCut(response: ServerResponse): () => "app" | "other" {
  const { socket } = response.req;
  // One listener for all requests of a connection: there may be many at once.
  if (!watched.has(socket)) {
    watched.add(socket);
    socket.once("timeout", () => timedOut.add(socket));
  }
  return () => {
    const { errored } = socket;
    // `response.destroy(error)`, as `pipeline` calls it for a source that failed, ends the socket with the same error.
    const isOwn = !errored || errored === response.errored;
    return isOwn && !timedOut.has(socket) && !socket.readableEnded ? "app" : "other";
  };
}
