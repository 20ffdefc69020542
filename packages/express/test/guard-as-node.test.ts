/** While a response is held it behaves to its route as one that was sent, and refuses what Node refuses. */
import type { ServerResponse } from "node:http";
import type { RequestHandler } from "express";
import { describe, expect, test } from "vitest";
import { eventually } from "../../core/test/support/eventually.js";
import { guarding } from "./support/guarding.js";
import { MAJORS } from "./support/server.js";

/** What a call gave, or the code of what it threw. */
function outcome(call: () => unknown): unknown {
  try {
    const value = call();
    return value instanceof Object ? "an object" : value;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

const state = (r: ServerResponse) => [r.headersSent, r.writableEnded, r.statusCode, r.destroyed];
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Each notes what it sees; `done` when it has seen everything. */
const SEQUENCES: [what: string, run: (r: ServerResponse, note: (seen: unknown) => void) => unknown][] = [
  [
    "before, begun, ended",
    (r, note) => {
      note(state(r));
      note(outcome(() => r.write("a")));
      note(state(r));
      note(outcome(() => r.end("b")));
      note(state(r));
    },
  ],
  [
    "setHeader, appendHeader, removeHeader, writeHead once it has begun",
    (r, note) => {
      r.write("a");
      note(outcome(() => r.setHeader("x-a", "1")));
      note(outcome(() => r.appendHeader("x-a", "1")));
      note(outcome(() => r.removeHeader("x-a")));
      note(outcome(() => r.writeHead(200)));
      r.end();
    },
  ],
  [
    "the same once it has ended",
    (r, note) => {
      r.end("a");
      note(outcome(() => r.setHeader("x-a", "1")));
      note(outcome(() => r.removeHeader("x-a")));
      note(outcome(() => r.writeHead(200)));
    },
  ],
  [
    "writeHead twice, and what it leaves",
    (r, note) => {
      note(outcome(() => r.writeHead(201, { "x-a": "1" })));
      note(state(r));
      note(outcome(() => r.writeHead(202)));
      r.end();
    },
  ],
  [
    "write after end",
    async (r, note) => {
      const failed = new Promise((resolve) => r.once("error", resolve));
      r.end("a");
      const told = new Promise((resolve) => note(outcome(() => r.write("b", resolve))));
      for (const error of await Promise.all([failed, told])) note((error as NodeJS.ErrnoException).code);
    },
  ],
  [
    "end with more after end",
    async (r, note) => {
      const failed = new Promise((resolve) => r.once("error", resolve));
      r.end("a");
      note(outcome(() => r.end("b")));
      note(((await failed) as NodeJS.ErrnoException).code);
    },
  ],
  [
    "end after end",
    async (r, note) => {
      const finished = new Promise((resolve) => r.once("finish", resolve));
      r.end("a");
      note(outcome(() => r.end()));
      await finished;
      note(state(r));
    },
  ],
  [
    "the callback of a second end",
    (r) => {
      r.end("a");
      return new Promise<void>((resolve) => r.end(() => resolve()));
    },
  ],
  [
    "the order of callbacks and events",
    async (r, note) => {
      r.on("finish", () => note("finish")).on("prefinish", () => note("prefinish"));
      await new Promise<void>((resolve) =>
        r.write("a", () => {
          note("written");
          resolve();
        }),
      );
      await new Promise<void>((resolve) =>
        r.end("b", () => {
          note("ended");
          resolve();
        }),
      );
      await turn();
    },
  ],
  [
    "what is no chunk",
    (r, note) => {
      note(outcome(() => r.write(1 as never)));
      note(outcome(() => r.write(null as never)));
      note(outcome(() => r.write(undefined as never)));
      r.end("a");
    },
  ],
  [
    "a status that is none",
    (r, note) => {
      note(outcome(() => r.writeHead(99)));
      note(outcome(() => r.writeHead(1_000)));
      note(outcome(() => r.writeHead("abc" as never)));
      note(state(r));
      note(outcome(() => r.writeHead("201" as never)));
      note(state(r));
      r.end("a");
    },
  ],
  [
    "headers that are none",
    (r, note) => {
      note(outcome(() => r.writeHead(200, { "x-a": "1\r\nx-b: 2" })));
      note(outcome(() => r.writeHead(200, { "x a": "1" })));
      note(outcome(() => r.writeHead(200, { "x-a": undefined as never })));
      note(outcome(() => r.writeHead(200, ["x-a"])));
      note(state(r).slice(0, 2));
      r.end("a");
    },
  ],
];

describe.each(MAJORS)("%s", (_, express) => {
  test.each(SEQUENCES)("%s", async (_name, run) => {
    const seen: Record<string, unknown[]> = {};
    const ends: string[] = [];
    const route: RequestHandler = async (request, response) => {
      const notes: unknown[] = [];
      seen[request.path] = notes;
      await run(response, (note) => notes.push(note));
      ends.push(request.path);
    };
    const server = await guarding(express, route);
    const plain = await server.plain();
    const first = await server.send("k");
    await eventually(() => ends.length === 2, "both routes");
    expect(seen["/orders"]).toEqual(seen["/plain"]);
    expect([first.status, first.body]).toEqual([plain.status, plain.body]);
    expect((await server.send("k")).body).toEqual(plain.body);
  });

  test.each<[string, RequestHandler]>([
    ["writeHead with a status", (_, r) => void r.writeHead(99).end()],
    ["writeHead with a header", (_, r) => void r.writeHead(200, { "x-a": "a\nb" }).end()],
    [
      "a status code",
      (_, r) => {
        r.statusCode = 0;
        r.end("x");
      },
    ],
    [
      "a status message",
      (_, r) => {
        r.statusMessage = "a\nb";
        r.end("x");
      },
    ],
    ["an encoding", (_, r) => void r.write("x", "nonsense" as never)],
    ["a chunk", (_, r) => void r.write({} as never)],
  ])("%s that Node refuses: the route's own 500, and the key is free", async (_name, route) => {
    const server = await guarding(express, route);
    expect((await server.send("k")).status).toBe(500);
    await eventually(async () => (await server.record("k"))?.state === "released", "the key");
  });
});
