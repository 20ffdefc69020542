/** Who listens to a body already when the guard looks at it, as those do who check its signature: everybody sees it once. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { RequestHandler } from "express";
import { describe, expect, test } from "vitest";
import { eventually } from "../../core/test/support/eventually.js";
import { guarding, holding, requestText } from "./support/guarding.js";
import { dial, MAJORS } from "./support/server.js";

const JSON_TYPE = { "content-type": "application/json" };
const LARGE = JSON.stringify({ text: "x".repeat(300_000) });

interface Captured {
  text: string;
  once: string[];
  ends: number;
}

/** Listens at once, as `raw-body` capturing middleware does. */
function capturing() {
  const all: Captured[] = [];
  const capture: RequestHandler = (q, _r, next) => {
    const seen: Captured = { text: "", once: [], ends: 0 };
    all.push(seen);
    q.on("data", (chunk: Buffer) => {
      seen.text += chunk.toString();
    });
    q.once("data", (chunk: Buffer) => seen.once.push(chunk.toString()));
    q.on("end", () => seen.ends++);
    next();
  };
  return { all, capture };
}

describe.each(MAJORS)("%s", (_, express) => {
  test.each([
    ["small", '{"a":1}', {}],
    ["small, in chunks", '{"a":1}', { "transfer-encoding": "chunked" }],
    ["large", LARGE, {}],
  ])("a capture before the guard, a parser after it: %s", async (_what, body, headers) => {
    for (const fingerprint of [undefined, false] as const) {
      const { all, capture } = capturing();
      const server = await guarding(express, (q, r) => void r.json(q.body), {
        before: [capture],
        after: [express.json({ limit: "1mb" })],
        maxResultBytes: 1e6,
        ...(fingerprint === false ? { fingerprint } : {}),
      });
      for (let n = 0; n < 2; n++) {
        const answer = await server.send("k", { headers: { ...JSON_TYPE, ...headers }, body });
        expect([answer.status, answer.body.toString()]).toEqual([200, body]);
      }
      expect(server.runs()).toBe(1);
      // A refused or replayed request is nobody's any more.
      const [first] = all;
      expect(first?.text).toBe(body);
      expect(first?.once).toHaveLength(1);
      expect(body.startsWith(first?.once[0] ?? "nothing")).toBe(true);
      expect(first?.ends).toBe(1);
    }
  });

  test("nothing of it is seen while the key is claimed, and then by all of them", async () => {
    const hold = holding("claim");
    const { all, capture } = capturing();
    const server = await guarding(express, (q, r) => void r.json(q.body), {
      before: [capture],
      after: [express.json()],
      store: hold.store,
    });
    const answer = server.send("k", { headers: JSON_TYPE, body: '{"a":1}' });
    await hold.reached();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(all).toMatchObject([{ text: "", ends: 0 }]);
    hold.letGo();
    expect((await answer).json()).toEqual({ a: 1 });
    expect(all).toMatchObject([{ text: '{"a":1}', ends: 1 }]);
  });

  test("a body that comes late, byte by byte", async () => {
    const { all, capture } = capturing();
    const server = await guarding(express, (q, r) => void r.json(q.body), {
      before: [capture],
      after: [express.json()],
    });
    const line = dial(server);
    const [head, body] = requestText("k", {
      headers: ["content-type: application/json"],
      body: '{"a":1}',
    }).split("\r\n\r\n");
    line.write(`${head}\r\n\r\n`);
    for (const byte of body as string) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      line.write(byte);
    }
    await eventually(() => line.heard().endsWith('{"a":1}'), "the answer");
    expect(all).toMatchObject([{ text: '{"a":1}', ends: 1 }]);
  });

  test("a route that does not look at it: the capture still sees it", async () => {
    const { all, capture } = capturing();
    const server = await guarding(express, (_q, r) => void r.end("ok"), { before: [capture] });
    expect((await server.send("k", { body: "body" })).status).toBe(200);
    await eventually(() => all[0]?.ends === 1, "the end");
    expect(all).toMatchObject([{ text: "body", once: ["body"] }]);
  });

  test("a pipe before the guard", async () => {
    const digests: string[] = [];
    const hash: RequestHandler = (q, _r, next) => {
      const sha = createHash("sha256");
      q.pipe(sha).on("finish", () => digests.push(sha.digest("hex")));
      next();
    };
    const server = await guarding(express, (q, r) => void r.json(q.body), {
      before: [hash],
      after: [express.json({ limit: "1mb" })],
    });
    expect((await server.send("k", { headers: JSON_TYPE, body: LARGE })).body.length).toBe(LARGE.length);
    await eventually(() => digests.length === 1, "the digest");
    expect(digests).toEqual([createHash("sha256").update(LARGE).digest("hex")]);
  });

  test("one who has paused it is not rushed", async () => {
    let request: IncomingMessage | undefined;
    let text = "";
    const paused: RequestHandler = (q, _r, next) => {
      request = q;
      q.on("data", (chunk) => (text += chunk)).pause();
      next();
    };
    const server = await guarding(express, (_q, r) => void r.end("ok"), {
      before: [paused],
      after: [
        (_q, _r, next) =>
          void setTimeout(() => {
            expect(text).toBe("");
            request?.on("end", () => next()).resume();
          }, 20),
      ],
    });
    expect((await server.send("k", { body: "body" })).status).toBe(200);
    expect(text).toBe("body");
  });
});
