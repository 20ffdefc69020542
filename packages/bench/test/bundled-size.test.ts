/** How much each package adds to a bundle. The bounds leave a tenth and a little: raise one where the growth is worth it. */
import { expect, test } from "vitest";
import { bundledSize } from "../src/costs/bundled-size.js";
import { published } from "../src/costs/published.js";

/** Bytes, minified and gzipped, without the other packages. */
const AT_MOST: Readonly<Record<string, number>> = {
  cli: 49_000,
  core: 36_500,
  dashboard: 46_000,
  express: 700,
  fastify: 1_200,
  fetch: 700,
  hono: 2_200,
  redis: 28_000,
  sqlite: 14_500,
  testing: 42_500,
};

test("each published package has a bound, and nothing else", () => {
  expect(
    published()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(Object.keys(AT_MOST).sort());
});

test.each(published())("$name", async (one) => {
  const { gzipped } = await bundledSize(one, "own");
  expect(gzipped).toBeLessThan(AT_MOST[one.name] ?? 0);
});

test.each(published().filter(({ beside }) => beside !== undefined))(
  "$name with all that it takes along is no more than both",
  async (one) => {
    const { gzipped } = await bundledSize(one, "all");
    expect(gzipped).toBeLessThan((AT_MOST[one.name] ?? 0) + (AT_MOST.core ?? 0));
  },
);
