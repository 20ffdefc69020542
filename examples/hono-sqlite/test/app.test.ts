/** The app as a real process, where Hono makes a difference. The rest is tested in express-sqlite: the same code. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deliver, paidOrder } from "example-express-sqlite/sender";
import { root } from "example-express-sqlite/testing/processes";
import { type ReceiverProcess, startReceiver } from "example-express-sqlite/testing/receiver";
import { effectsIn, shopStory } from "example-express-sqlite/testing/shop-story";
import { afterEach, beforeEach, expect, it } from "vitest";

const SECRET = "whsec_test";
const folder = fileURLToPath(new URL("..", import.meta.url));
let temp: string;
let env: NodeJS.ProcessEnv;
let receiver: ReceiverProcess;

beforeEach(async () => {
  temp = mkdtempSync(join(tmpdir(), "hooklatch-example-"));
  env = {
    HOOKLATCH_DB: join(temp, "hooklatch.db"),
    STRIPE_WEBHOOK_SECRET: SECRET,
    LEASE_MS: "1000",
    RETRY_DELAY_MS: "10",
    POLL_MS: "50",
    // Its paths lead to the sources.
    TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
  };
  receiver = await startReceiver(env, folder);
});

afterEach(async () => {
  // Undefined: it did not start, and that is the error to show.
  await receiver?.kill();
  rmSync(temp, { recursive: true, force: true });
});

const effects = (): unknown => effectsIn(join(temp, "shop.db"));

for (const { name, run } of shopStory({ secret: SECRET, receiver: () => receiver, effects })) it(name, run);

it("takes up at boot what a crash left behind: nobody has to deliver anything", async () => {
  const event = paidOrder("mug", "hang-before");
  const answer = deliver(receiver.url, event, SECRET);
  await receiver.printed(`hanging: ${event.id}`);
  await receiver.kill();
  await answer;

  receiver = await startReceiver(env, folder);
  await receiver.printed(`completed ${event.id}, attempt 2`);
  expect(effects()).toBe(1);
});
