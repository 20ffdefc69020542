/** The index says where to look; the record says what is due. An entry that its record denies is dropped, and never run. */
import { redisUrl } from "@hooklatch/servers";
import { describe, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import { namesOf } from "../src/names.js";
import { connect } from "./support/clients.js";
import { claimOf, completionOf, holding } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

describe.skipIf(redisUrl() === undefined)("an entry in the index of due work", () => {
  it.each(["running", "waiting", "letters"])("of a completed operation, as %s, is dropped", async (index) => {
    const client = connect(redisUrl());
    const prefix = newPrefix();
    const store = redisStore(client, { prefix, partitions: 1 });
    const done = await holding(store, claimOf("done"));
    await store.complete(completionOf(done));
    // The name of the index, from an operation that stands in it.
    const other = await holding(store, claimOf("other"));
    const error = { name: "Error", message: "it failed" };
    if (index === "waiting") await store.retry({ ...other, delayMs: 60_000 });
    if (index === "letters") await store.fail({ ...other, error, letter: true });
    const [set] = await client.keys(`${prefix}:*:${index}:*`);
    const { key } = namesOf(prefix, 1).operation(done.id);
    await client.zadd(String(set), 1, key.slice(-64));

    const work = await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 10 });
    expect(work.map(({ id }) => id.key)).toEqual(index === "letters" ? ["other"] : []);
    expect(await client.zscore(String(set), key.slice(-64))).toBeNull();
    expect(await store.get(done.id)).toMatchObject({ state: "completed", token: 1 });
  });
});
