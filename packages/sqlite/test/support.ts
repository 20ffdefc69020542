import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClaimRequest } from "@hooklatch/core";
import { afterAll } from "vitest";

/** A directory of this test file's own, with a space in its name, gone at the end. */
export function scratch(name: string): (file: string) => string {
  const directory = mkdtempSync(join(tmpdir(), `hooklatch sqlite ${name} `));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (file) => join(directory, file);
}

let owners = 0;

export function claimOf(key: string, more: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    id: { scope: "s", key },
    owner: `owner ${++owners}`,
    leaseMs: 60_000,
    event: new TextEncoder().encode(`event of ${key}`),
    redelivery: "rerun",
    redeliveryAfterMs: 60_000,
    ...more,
  };
}
