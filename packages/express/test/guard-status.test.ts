/** The status of a response is the one that has left with its head, whatever the route sets afterwards. */
import type { RequestHandler } from "express";
import { describe, expect, test } from "vitest";
import { becomes, guarding } from "./support/guarding.js";
import { MAJORS } from "./support/server.js";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Each sends a whole 200, and sets another status on the way. */
const KEPT: [what: string, route: RequestHandler, body: string][] = [
  [
    "500 between the only write and the end",
    (_, r) => {
      r.write("charged");
      r.status(500);
      r.end();
    },
    "charged",
  ],
  [
    "404 before the last chunk",
    (_, r) => {
      r.write("x");
      r.statusCode = 404;
      r.end("y");
    },
    "xy",
  ],
  [
    "204, for which there would be no body",
    (_, r) => {
      r.write("x");
      r.status(204);
      r.write("y");
      r.end();
    },
    "xy",
  ],
  [
    "304 after the end",
    (_, r) => {
      r.end("x");
      r.status(304);
    },
    "x",
  ],
  [
    "503 after writeHead",
    (_, r) => {
      r.writeHead(200);
      r.status(503).end("x");
    },
    "x",
  ],
];

const STREAMED: [what: string, route: RequestHandler][] = [
  [
    "500 at the end of a flushed response",
    async (_, r) => {
      r.type("text/csv");
      r.flushHeaders();
      r.write("row1\n");
      await pause(50);
      r.status(500).end();
    },
  ],
  [
    "204 at the end of an event stream",
    (_, r) => {
      r.type("text/event-stream").write("data: 1\n\n");
      r.status(204).end();
    },
  ],
  [
    "500, and then it is cut",
    async (_, r) => {
      r.flushHeaders();
      r.write("row1\n");
      await pause(50);
      r.status(500);
      r.destroy();
    },
  ],
];

describe.each(MAJORS)("%s", (_, express) => {
  test.each(KEPT)("%s: 200 is sent, and replayed", async (_what, route, body) => {
    const server = await guarding(express, route);
    for (let n = 0; n < 2; n++) {
      const answer = await server.send("k");
      expect([answer.status, answer.body.toString()]).toEqual([200, body]);
    }
    expect(server.runs()).toBe(1);
  });

  test.each(STREAMED)("%s: completed, and never run again", async (_what, route) => {
    const server = await guarding(express, route);
    const first = await server.send("k").catch(() => undefined);
    if (first !== undefined) expect(first.status).toBe(200);
    await becomes(server, "completed");
    expect((await server.send("k")).json()).toMatchObject({ code: "result_not_kept" });
    expect(server.runs()).toBe(1);
  });

  test("a failure's 500 is no result, though a 200 is set after it", async () => {
    const server = await guarding(express, (_q, r) => {
      r.status(500).write("x");
      r.status(200).end();
    });
    expect((await server.send("k")).status).toBe(500);
    await becomes(server, "released");
  });
});
