/** Changing framework changes one import: every adapter exports the same names, called the same way. Half of this is shown by compiling. */
import type { GuardOptions, HttpHandler, ReceiverOptions, WebhookHandler } from "@hooklatch/core";
import * as onExpress from "@hooklatch/express";
import * as onFastify from "@hooklatch/fastify";
import * as onFetch from "@hooklatch/fetch";
import * as onHono from "@hooklatch/hono";
import { expect, expectTypeOf, test } from "vitest";

const adapters = { onExpress, onFastify, onFetch, onHono };
type Adapter = (typeof adapters)[keyof typeof adapters];

test.for(Object.entries(adapters))("%s exports the three names, and no other value", ([, adapter]) => {
  expect(Object.keys(adapter).sort()).toEqual(["idempotency", "mount", "withIdempotency"]);
});

test("withIdempotency takes a handler and its options, and gives what can be started and closed", () => {
  type Made = ReturnType<Adapter["withIdempotency"]>;
  expectTypeOf<Parameters<Adapter["withIdempotency"]>>().toEqualTypeOf<
    [handler: WebhookHandler, options: ReceiverOptions]
  >();
  expectTypeOf<Made["start"]>().toEqualTypeOf<() => void>();
  expectTypeOf<Made["close"]>().toEqualTypeOf<
    (options?: { drainMs?: number | undefined }) => Promise<void>
  >();
});

test("idempotency takes the same options, but for what `tenant` is given, and gives what can be closed", () => {
  type Options<Name extends keyof typeof adapters> = Parameters<(typeof adapters)[Name]["idempotency"]>[0];
  type Common = Omit<GuardOptions, "tenant">;
  expectTypeOf<Omit<Options<"onExpress">, "tenant">>().toEqualTypeOf<Common>();
  expectTypeOf<Omit<Options<"onFastify">, "tenant">>().toEqualTypeOf<Common>();
  expectTypeOf<Omit<Options<"onFetch">, "tenant">>().toEqualTypeOf<Common>();
  expectTypeOf<Omit<Options<"onHono">, "tenant">>().toEqualTypeOf<Common>();
  type Made = ReturnType<Adapter["idempotency"]>;
  expectTypeOf<Made["close"]>().toEqualTypeOf<
    (options?: { drainMs?: number | undefined }) => Promise<void>
  >();
});

test("mount takes an HttpHandler", () => {
  expectTypeOf<Parameters<Adapter["mount"]>[0]>().toEqualTypeOf<HttpHandler>();
});

test("`tenant` is required, and sees what the framework gives to a route", () => {
  const options = { store: undefined as never, scope: "a" };
  // Compiled, not called.
  const _calls = [
    // @ts-expect-error tenant is required
    () => onExpress.idempotency(options),
    // @ts-expect-error tenant is required
    () => onFetch.idempotency(options),
    () => onExpress.idempotency({ ...options, tenant: (request) => request.originalUrl }),
    () => onFastify.idempotency({ ...options, tenant: (request) => request.ip }),
    () => onFetch.idempotency({ ...options, tenant: (request) => request.url }),
    () =>
      onHono.idempotency<{ Variables: { user: { id: string } } }>({
        ...options,
        tenant: (c) => c.get("user").id,
      }),
  ];
  expect(_calls).toHaveLength(6);
});
