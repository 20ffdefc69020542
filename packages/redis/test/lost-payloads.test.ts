/** Under an evicting policy that was accepted, Redis may drop a payload alone. What is gone is said to be gone. */
import { redisUrl } from "@hooklatch/servers";
import { describe, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import { namesOf } from "../src/names.js";
import { connect } from "./support/clients.js";
import { claimOf, completionOf, holding } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

describe.skipIf(redisUrl() === undefined)("a payload that Redis has dropped", () => {
  it("is an event that is not kept, or a result that is not kept; never an empty one", async () => {
    const client = connect(redisUrl());
    const prefix = newPrefix();
    const store = redisStore(client, { prefix });
    const [running, done] = [await holding(store, claimOf("running")), await holding(store, claimOf("done"))];
    await store.complete(completionOf(done, Buffer.from("a result")));
    const keyOf = (held: typeof running) => namesOf(prefix, 16).operation(held.id).key;
    expect(await client.del(`${keyOf(running)}:event`)).toBe(1);
    expect(await client.del(`${keyOf(done)}:result`)).toBe(1);
    expect((await store.get(running.id))?.event).toBeUndefined();
    expect((await store.get(done.id))?.result).toBeNull();
    expect(await store.claim(claimOf("done"))).toEqual({ status: "completed", result: null });
  });
});
