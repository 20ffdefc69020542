/** Connections that serve many guarded requests: one after the other, or several at once. */
import { Agent } from "node:http";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { eventually } from "../../core/test/support/eventually.js";
import { guarding, holding, requestText } from "./support/guarding.js";
import { afterTest, dial, MAJORS } from "./support/server.js";

/** What Node warns of until the test is over. */
function warnings(): string[] {
  const heard: string[] = [];
  const hear = ({ message }: Error) => heard.push(message);
  process.on("warning", hear);
  afterTest(() => process.off("warning", hear));
  return heard;
}

describe.each(MAJORS)("%s", (_, express) => {
  test("pipelined requests: answered in their order, whatever order they are stored in", async () => {
    const heard = warnings();
    const hold = holding("complete");
    const server = await guarding(express, (q, r) => void r.end(`<${q.get("x-n")}>`), { store: hold.store });
    const line = dial(server);
    const all = Array.from({ length: 30 }, (_, n) => requestText(`k-${n}`, { headers: [`x-n: ${n}`] }));
    line.write(all.join(""));
    await hold.reached(30);
    expect(line.heard()).toBe("");
    hold.letGo();
    await eventually(() => line.heard().includes("<29>"), "the last answer");
    const order = [...line.heard().matchAll(/<(\d+)>/g)].map(([, n]) => Number(n));
    expect(order).toEqual(Array.from({ length: 30 }, (_, n) => n));
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([]);
  });

  test("guarded and unguarded ones, streams and replays, pipelined", async () => {
    const server = await guarding(express, (q, r) => {
      if (q.get("x-n") === "2") r.type("text/event-stream").write("event");
      r.end(`<${q.get("x-n")}>`);
    });
    const text = (n: number, key: string, path = "/orders") =>
      requestText(key, { path, headers: [`x-n: ${n}`], body: "{}" });
    const line = dial(server);
    line.write([text(1, "a"), text(2, "b"), text(3, "c", "/plain"), text(4, "d")].join(""));
    await eventually(() => line.heard().includes("<4>"), "the last answer");
    expect(line.heard().match(/<\d>/g)).toEqual(["<1>", "<2>", "<3>", "<4>"]);
    line.write([text(5, "a"), text(6, "d"), text(7, "e")].join(""));
    await eventually(() => line.heard().includes("<7>"), "the last answer");
    expect(line.heard().match(/<\d>/g)).toEqual(["<1>", "<2>", "<3>", "<4>", "<1>", "<4>", "<7>"]);
  });

  test("200 requests on one connection leave no listeners behind, and no warning", async () => {
    const heard = warnings();
    const sockets = new Set<Socket>();
    const counts: number[] = [];
    const server = await guarding(express, (q, r) => {
      sockets.add(q.socket);
      counts.push(q.socket.eventNames().reduce((sum, name) => sum + q.socket.listenerCount(name), 0));
      r.json({ a: 1 });
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    afterTest(() => agent.destroy());
    for (let n = 0; n < 200; n++) {
      const answer = await server.send(`k-${n % 150}`, { agent, body: "{}" });
      expect(answer.status).toBe(200);
    }
    expect(sockets.size).toBe(1);
    expect(counts.at(-1)).toBe(counts[1]);
    expect(heard).toEqual([]);
  });

  test("refused bodies leave the connection usable, or close it", async () => {
    const server = await guarding(express, (_q, r) => void r.end("ok"), { maxBodyBytes: 10 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    afterTest(() => agent.destroy());
    const sending = { agent, body: "0123456789" };
    const statuses: number[] = [];
    for (const key of ["a", "bad key", "a", "b"]) statuses.push((await server.send(key, sending)).status);
    const large = await server.send("c", { agent, body: "0123456789a" });
    expect([...statuses, large.status, large.headers.connection]).toEqual([200, 400, 200, 200, 413, "close"]);
    expect((await server.send("c", sending)).status).toBe(200);
  });
});
