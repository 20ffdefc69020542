/** Run as a process of its own: goes through whole lives of events, then closes, and has nothing left to do. */
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { memoryDeadLetters, memoryStore, respond, type WebhookEvent } from "@hooklatch/core";
import { withIdempotency } from "@hooklatch/express";
import express from "express";

const [, , scenario] = process.argv;
const store = memoryStore();
const deadLetters = memoryDeadLetters();
const base = { store, deadLetters, retry: { initialDelayMs: 1 }, worker: { pollMs: 10 } };
const runs = new Map<string, number>();

async function handle(event: WebhookEvent): Promise<unknown> {
  const what = event.text();
  const run = (runs.get(what) ?? 0) + 1;
  runs.set(what, run);
  if (what === "fails twice" && run <= 2) throw new Error("not yet");
  if (what === "poison") throw "a string";
  if (what === "circular") return Object.assign(event, { event });
  if (what === "slow") await new Promise((resolve) => setTimeout(resolve, 50));
  if (what === "never") await new Promise(() => {});
  return respond(201, { what });
}

const broken = () => {
  throw new Error("broken");
};
const route = withIdempotency(handle, {
  ...base,
  scope: "hooks",
  respondWithinMs: scenario === "never" ? 30 : 5_000,
  // The types forbid it; a JavaScript app may still do it.
  ...(scenario === "async key" ? { key: (async () => broken()) as never } : {}),
  ...(scenario === "async tenant" ? { tenant: (async () => broken()) as never } : {}),
  ...(scenario === "async redact" ? { redact: (async () => broken()) as never } : {}),
  ...(scenario === "async fingerprint" ? { fingerprint: (async () => broken()) as never } : {}),
  on: { claimed: broken, completed: (async () => broken()) as never, dead: broken, rejected: broken },
});
const app = express().post("/hooks", route);
const server = app.listen(0, "127.0.0.1", () => void main());

function send(body: string, key?: string): Promise<number | undefined> {
  const { port } = server.address() as AddressInfo;
  const headers = key === undefined ? {} : { "idempotency-key": key };
  return new Promise((resolve, reject) => {
    const options = {
      port,
      host: "127.0.0.1",
      path: "/hooks",
      method: "POST",
      headers,
      agent: false as const,
    };
    httpRequest(options, (answer) => answer.resume().on("end", () => resolve(answer.statusCode)))
      .on("error", reject)
      .end(body);
  });
}

/** A sender that goes away in the middle of its body. */
function abort(): Promise<void> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve) => {
    const options = {
      port,
      host: "127.0.0.1",
      path: "/hooks",
      method: "POST",
      headers: { "content-length": 100 },
    };
    const outgoing = httpRequest(options);
    outgoing.on("error", () => {}).on("close", () => resolve());
    outgoing.write("half", () => outgoing.destroy());
  });
}

async function main(): Promise<void> {
  const answers: unknown[] = [];
  const bodies =
    scenario === "life"
      ? ["ok", "ok", "fails twice", "poison", "poison", "circular", "slow"]
      : [scenario ?? ""];
  for (const body of bodies) answers.push(await send(body));
  if (scenario === "life") {
    answers.push(await send("ok", "a b"));
    await abort();
  }
  const from = performance.now();
  const stopped = new Promise((resolve) => server.close(resolve));
  await route.close({ drainMs: scenario === "never" ? 50 : 5_000 });
  await stopped;
  process.on("exit", () => {
    // The only thing that this process writes.
    process.send?.({
      answers,
      lingeredMs: performance.now() - from,
      resources: process.getActiveResourcesInfo(),
    });
  });
  process.channel?.unref();
}
