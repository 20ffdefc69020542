/** What the shop does as a real process, whatever framework and store it is on. */
import Database from "better-sqlite3";
import { expect } from "vitest";
import type { ReceiverProcess } from "../src/demo/receiver.js";
import { deliver, describe as inWords, laterCopy, paidOrder, post } from "../src/sender.js";

export interface ShopStory {
  secret: string;
  receiver(): ReceiverProcess;
  effects(): unknown;
}

/** How often the shop of this file did what an order asks for. */
export function effectsIn(shopDatabase: string): unknown {
  const db = new Database(shopDatabase, { readonly: true });
  try {
    return db.prepare("SELECT count(*) FROM effects").pluck().get();
  } finally {
    db.close();
  }
}

export function shopStory({
  secret,
  receiver,
  effects,
}: ShopStory): { name: string; run(): Promise<void> }[] {
  return [
    {
      name: "handles a signed event once, and answers its duplicate with the stored response",
      async run() {
        const { url } = receiver();
        const event = paidOrder("mug");
        const first = await deliver(url, event, secret);
        const second = await deliver(url, laterCopy(event), secret);
        expect([inWords(first), inWords(second)]).toEqual(["200 paid", "200 paid (replayed)"]);
        expect(second.body).toEqual(first.body);
        expect(effects()).toBe(1);

        expect(inWords(await deliver(url, paidOrder("mug"), "whsec_other"))).toBe("401 verification_failed");
        const generic = `${url}/webhooks/generic`;
        const key = { "idempotency-key": "k-1" };
        const answers = [];
        for (const id of ["order-1", "order-1", "order-2"])
          answers.push(inWords(await post(generic, JSON.stringify({ id, sku: "mug" }), key)));
        expect(answers).toEqual(["200 ok", "200 duplicate (replayed)", "422 key_reused"]);
        expect(effects()).toBe(2);
      },
    },
    {
      name: "drains on SIGTERM: of two copies at once one runs, it is finished, and the process exits with 0",
      async run() {
        const { url, printed, stop, output } = receiver();
        const slow = paidOrder("mug", "slow");
        const copies = [0, 1].map(() => deliver(url, slow, secret));
        await printed(`${slow.id}, attempt 1`);
        // The other copy is answered at once.
        await Promise.race(copies);

        expect(await stop()).toBe(0);
        expect((await Promise.all(copies)).map(inWords)).toEqual(["202 processing", "202 processing"]);
        expect(output()).toContain(`completed ${slow.id}, attempt 1`);
        expect(output()).toMatch(/\nstopped\n$/);
        expect(effects()).toBe(1);
      },
    },
  ];
}
