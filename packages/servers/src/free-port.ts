/** Ports for servers that are killed and come back. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** The cluster bus of a node listens this far above its port: the default of every version. */
const BUS = 10_000;

/**
 * A port of loopback that nothing listens on, and neither does anything on the bus port above it. Somebody may still take it before
 * its user does.
 *
 * Never one of the ports that systems give to outgoing connections (from 32768 on): a client that reconnects while the server is
 * down could get the server's own port, keep it from coming back, and even be connected with itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 20_000);
    if ((await isFree(port)) && (await isFree(port + BUS))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch {
    return false;
  }
  await once(server.close(), "close");
  return true;
}
