/** Who ended a connection: a response that was cut says only that it was. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Connections whose time limit has passed. */
const timedOut = new WeakSet<Socket>();
const watched = new WeakSet<Socket>();

export interface Cut {
  /**
   * Asked once the connection is cut. `app`: it was neither the client, nor an error or a time limit of the connection, so it was the app
   * that destroyed it, as Express does when a route fails after its head.
   */
  by(): "app" | "other";
  /** It was the app, and not by closing connections of which it knows nothing, as at a shutdown: by this very response. */
  byItsRoute(): boolean;
}

/** Watches a response from now on. Replaces its `destroy`. */
export function watchCut(response: ServerResponse): Cut {
  // Hosts that make up their requests have a plain object there, or nothing.
  const socket = response.req?.socket as Socket | undefined;
  // One listener for all requests of a connection: there may be many at once.
  if (typeof socket?.once === "function" && !watched.has(socket)) {
    watched.add(socket);
    socket.once("timeout", () => timedOut.add(socket));
  }
  const { destroy } = response;
  let destroyed = false;
  response.destroy = (error) => {
    // After the client has gone it is only tidied up.
    if (!response.destroyed) destroyed = true;
    return destroy.call(response, error);
  };
  function by(): "app" | "other" {
    if (socket === undefined) return "other";
    const { errored } = socket;
    // `response.destroy(error)`, as `pipeline` calls it for a source that failed, ends the socket with the same error.
    const isOwn = !errored || errored === response.errored;
    return isOwn && !timedOut.has(socket) && !socket.readableEnded ? "app" : "other";
  }
  return { by, byItsRoute: () => destroyed && by() === "app" };
}

/** Nothing can be sent to the sender of a request any more. */
export function isGone({ socket }: { socket?: Partial<Socket> }): boolean {
  return socket?.destroyed === true || socket?.writableEnded === true;
}
