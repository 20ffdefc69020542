import type { AdapterHarness } from "@hooklatch/testing";
import { honoHarness, type Listen } from "./harness.js";

/** What is used of Bun. */
declare const Bun: {
  serve(options: { fetch: Parameters<Listen>[0]; port: number; hostname: string }): {
    port: number;
    stop(closeConnections: boolean): Promise<void>;
  };
};

const onBun: Listen = async (fetch) => {
  const server = Bun.serve({ fetch, port: 0, hostname: "127.0.0.1" });
  return { url: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) };
};

export function honoOnBun(basePath: string): AdapterHarness {
  return honoHarness(onBun, basePath);
}
