/** What cases look at in a response. */
import assert from "node:assert/strict";
import type { Reply, ReplyHead } from "./reply.js";

/** How a message travels, and when: no part of what the route answered. */
const OF_THE_WAY = new Set(["date", "connection", "keep-alive", "transfer-encoding", "content-length"]);

function withoutWay({ headers }: ReplyHead): string[] {
  return headers.filter(([name]) => !OF_THE_WAY.has(name)).map(([name, value]) => `${name}: ${value}`);
}

/** Status, headers and body are those of a route without a guard. */
export function sameAnswer(reply: Reply, plain: Reply): void {
  assert.equal(reply.status, plain.status);
  assert.deepEqual(withoutWay(reply).sort(), withoutWay(plain).sort());
  assert.deepEqual(reply.body, plain.body);
}

export const MARK = "idempotent-replayed";

/** The route ran for it. */
export function isFirst(reply: Reply, status: number): void {
  assert.equal(reply.status, status, reply.text());
  assert.equal(reply.header(MARK), undefined);
}

/** The same response once more, without what was for the first client alone. */
export function isReplay(reply: Reply, first: Reply): void {
  assert.equal(reply.header(MARK), "true", `expected a replay, got ${reply.status} ${reply.text()}`);
  assert.equal(reply.status, first.status);
  assert.deepEqual(reply.body, first.body);
  for (const name of ["content-type", "content-encoding", "location"]) {
    assert.equal(reply.header(name), first.header(name), name);
  }
  assert.deepEqual(reply.all("set-cookie"), []);
}

/** A refusal of the guard's or receiver's own. */
export function isProblem(reply: Reply, status: number, code: string): void {
  assert.equal(reply.status, status, reply.text());
  assert.match(reply.header("content-type") ?? "", /^application\/problem\+json/);
  const { code: given, status: told } = reply.json() as { code: string; status: number };
  assert.deepEqual([given, told], [code, status]);
  assert.equal(reply.header(MARK), undefined);
}

/** One that says when to come back. */
export function isRetryable(reply: Reply, status: number, code: string): void {
  isProblem(reply, status, code);
  assert.match(reply.header("retry-after") ?? "", /^\d+$/);
  assert.equal((reply.json() as { retryable: boolean }).retryable, true);
}

/** It is completed, and there is nothing to replay: it must not be sent again. */
export function isNotKept(reply: Reply): void {
  isProblem(reply, 409, "result_not_kept");
  assert.equal(reply.header("retry-after"), undefined);
  assert.equal((reply.json() as { retryable: boolean }).retryable, false);
}
