/** A process that serves an app on 127.0.0.1 until SIGINT or SIGTERM, and then drains it. `--hints`: prints lines to paste. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type Example, hints } from "./hints.js";

export interface Served {
  app: RequestListener;
  close(): Promise<void>;
}

export function serve({ app, close }: Served, { port, ...example }: Example & { port: number }): void {
  const server = createServer(app);
  server.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    console.error(`Port ${port} is taken. Choose another one with PORT=…, or any free one with PORT=0.`);
    process.exit(1);
  });
  server.listen(port, "127.0.0.1", () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    console.log(`listening on ${url}`);
    if (process.argv.includes("--hints")) console.log(hints(url, example));
  });

  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());

  async function stop(): Promise<void> {
    if (stopping) return;
    stopping = true;
    const unused = new Promise((resolve) => server.close(resolve));
    await close();
    // Everybody has been answered; a sender that is still sending is not waited for much longer.
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 1_000).unref();
    await unused;
    console.log("stopped");
    // A handler that would not end in time keeps its lease, and is recovered by the next process.
    process.exit(0);
  }
}
