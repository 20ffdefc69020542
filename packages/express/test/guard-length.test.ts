/** A response that has announced its length ends with its last byte, whether or not its route says so. */
import type { RequestHandler } from "express";
import { describe, expect, test } from "vitest";
import { eventually } from "../../core/test/support/eventually.js";
import { becomes, guarding, holding, requestText } from "./support/guarding.js";
import { dial, MAJORS } from "./support/server.js";

const NEVER_ENDED: [what: string, route: RequestHandler, state: "kept" | "not kept"][] = [
  ["at once", (_, r) => void r.set("content-length", "4").write("abcd"), "kept"],
  [
    "in pieces",
    (_, r) => {
      r.set("content-length", "4").write("ab");
      setTimeout(() => r.write("cd"), 20);
    },
    "kept",
  ],
  [
    "flushed before",
    (_, r) => {
      r.set("content-length", "4").flushHeaders();
      r.write("ab");
      r.write("cd");
    },
    "not kept",
  ],
  ["no body at all", (_, r) => r.set("content-length", "0").flushHeaders(), "kept"],
  ["204", (_, r) => r.status(204).flushHeaders(), "kept"],
];

describe.each(MAJORS)("%s", (_, express) => {
  test.each(NEVER_ENDED)("never ended, %s: it arrives once it is stored", async (_what, route, state) => {
    const hold = holding("complete");
    const server = await guarding(express, route, { store: hold.store });
    const plain = dial(server);
    plain.write(requestText("k", { path: "/plain" }));
    const whole = /\r\n\r\n(abcd)?$/;
    await eventually(() => whole.test(plain.heard()), "the plain answer");
    const line = dial(server);
    line.write(requestText("k"));
    await hold.reached();
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (state === "kept") expect(line.heard()).toBe("");
    else expect(line.heard()).not.toMatch(/abcd$/);
    hold.letGo();
    await eventually(
      () => line.heard().replace(/date: .*/i, "") === plain.heard().replace(/date: .*/i, ""),
      "the answer",
    );
    await becomes(server, "completed");
    const again = await server.send("k");
    if (state === "kept") expect(again.status).toBe(plain.heard().includes(" 204 ") ? 204 : 200);
    else expect(again.json()).toMatchObject({ code: "result_not_kept" });
    expect(server.runs()).toBe(1);
  });

  test.each(["before it is stored", "afterwards"])("an end that comes %s ends it", async (when) => {
    const hold = holding("complete");
    const ended: string[] = [];
    const end: (() => void)[] = [];
    const server = await guarding(
      express,
      (_q, r) => {
        r.on("finish", () => ended.push("finish"));
        r.set("content-length", "4").write("abcd");
        end.push(() => r.end(() => ended.push("callback")));
      },
      { store: hold.store },
    );
    const line = dial(server);
    line.write(requestText("k"));
    await hold.reached();
    if (when !== "afterwards") end[0]?.();
    hold.letGo();
    await eventually(() => line.heard().endsWith("abcd"), "the answer");
    if (when === "afterwards") end[0]?.();
    await eventually(() => ended.length === 2, "the end");
    // The connection is free for the next one.
    line.write(requestText("k"));
    await eventually(() => /abcd.*abcd$/s.test(line.heard()), "the replay");
    expect(server.runs()).toBe(1);
  });

  test("the store does not confirm it: 503 in its place", async () => {
    const hold = holding("complete");
    const server = await guarding(express, (_q, r) => void r.set("content-length", "4").write("abcd"), {
      store: hold.store,
      leaseMs: 200,
    });
    const answer = await server.send("k");
    expect([answer.status, answer.json()]).toMatchObject([503, { code: "outcome_unknown" }]);
  });
});
