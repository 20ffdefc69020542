/** What makes two requests to a guarded route the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { requestFingerprint } from "../src/request-fingerprint.js";
import { utf8 } from "./support/outcome.js";
import { request } from "./support/receiving.js";

const base = { method: "POST", url: "/orders?a=1&b=2", headers: { "content-type": "application/json" } };
const of = (sent: Parameters<typeof request>[0]): string => requestFingerprint(request({ ...base, ...sent }));
const path = fc.webPath().chain((at) => fc.webQueryParameters().map((query) => `${at}?${query}`));
const method = fc.constantFrom("POST", "PATCH", "PUT", "DELETE");
const body = fc.uint8Array({ maxLength: 40 });

test("the same method, path, query and body: the same fingerprint, 64 hex digits", () => {
  fc.assert(
    fc.property(method, path, body, (method, url, body) => {
      expect(of({ method, url, body })).toBe(of({ method, url, body: body.slice() }));
      expect(of({ method, url, body })).toMatch(/^[0-9a-f]{64}$/);
    }),
  );
});

test("each of them matters by itself, and so does where one ends and the next begins", () => {
  const sent = fc.record({ method, url: path, body });
  const other = fc.record({ method, url: path, body }, { requiredKeys: [] });
  fc.assert(
    fc.property(sent, other, (a, change) => {
      for (const b of [
        ...Object.entries(change).map(([part, value]) => ({ ...a, [part]: value })),
        { ...a, ...change },
      ]) {
        const same = a.method === b.method && a.url === b.url && Buffer.from(a.body).equals(b.body);
        expect(of(a) === of(b)).toBe(same);
      }
    }),
  );
  const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), change, (body, [at, by]) => {
      const changed = body.slice();
      changed[at % body.length] = ((changed[at % body.length] as number) + by) % 256;
      expect(of({ body: changed })).not.toBe(of({ body }));
      expect(of({ body: body.subarray(1) })).not.toBe(of({ body }));
    }),
  );
});

test.each([
  ["/orders/", "a trailing slash"],
  ["/orders?b=2&a=1", "the order of the query"],
  ["/Orders?a=1&b=2", "the case of the path"],
  ["/orders", "no query"],
  ["/v2/orders?a=1&b=2", "where it is mounted"],
])("%s: another request, by %s", (url) => {
  expect(of({ url })).not.toBe(of({}));
});

test("the case of the method does not matter, nor does any other header", () => {
  expect(of({ method: "post" })).toBe(of({}));
  expect(of({ headers: { "content-type": "text/plain", "x-a": "1" } })).toBe(of({}));
});

// ---- forms ------------------------------------------------------------------------------------------------------------

const boundary = fc.stringMatching(/^-{0,10}[A-Za-z0-9]{1,30}$/);
const contents = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 5 });

function form(boundary: string, parts: readonly Uint8Array[]): Parameters<typeof of>[0] {
  const written = parts.flatMap((part) => [utf8(`--${boundary}\r\nname: a\r\n\r\n`), part, utf8("\r\n")]);
  return {
    headers: { "content-type": `multipart/form-data; charset=x; boundary="${boundary}"` },
    body: Buffer.concat([...written, utf8(`--${boundary}--\r\n`)]),
  };
}
const free = (boundary: string, parts: readonly Uint8Array[]) =>
  parts.every((part) => !Buffer.from(part).includes(`--${boundary}`));

test("another boundary and the same parts: the same request", () => {
  fc.assert(
    fc.property(boundary, boundary, contents, (a, b, parts) => {
      fc.pre(free(a, parts) && free(b, parts));
      expect(of(form(a, parts))).toBe(of(form(b, parts)));
    }),
  );
});

test("other parts, or bytes that moved from one part to the next: another request", () => {
  fc.assert(
    fc.property(boundary, boundary, contents, contents, (a, b, parts, others) => {
      fc.pre(free(a, parts) && free(b, others));
      const same =
        parts.length === others.length && parts.every((p, n) => Buffer.from(p).equals(others[n] ?? p));
      expect(of(form(a, parts)) === of(form(b, others))).toBe(same);
    }),
  );
  fc.assert(
    fc.property(boundary, fc.uint8Array({ minLength: 2, maxLength: 30 }), fc.nat(), (a, all, at) => {
      const cut = 1 + (at % (all.length - 1));
      fc.pre(free(a, [all]));
      const split = (n: number) => of(form(a, [all.subarray(0, n), all.subarray(n)]));
      expect(split(cut)).not.toBe(split(cut - 1));
      expect(split(cut)).not.toBe(of(form(a, [all])));
    }),
  );
});

test("a part that holds what stands between two: another request", () => {
  fc.assert(
    fc.property(
      boundary,
      fc.uint8Array({ maxLength: 9 }),
      fc.uint8Array({ maxLength: 9 }),
      (a, first, second) => {
        fc.pre(free(a, [first, second]));
        const one = Buffer.concat([first, utf8("\r\n\r\nname: a\r\n\r\n"), second]);
        expect(of(form(a, [one]))).not.toBe(of(form(a, [first, second])));
      },
    ),
  );
});

test("each delimiter is found, also among what begins like one", () => {
  const few = (maxLength: number) =>
    fc.string({ unit: fc.constantFrom("-", "a", "b"), minLength: 1, maxLength });
  fc.assert(
    fc.property(few(4), few(60), (boundary, body) => {
      const written = (boundary: string, body: string) =>
        of({ headers: { "content-type": `multipart/form-data; boundary=${boundary}` }, body });
      const parts = body.split(`--${boundary}`);
      expect(written(boundary, body)).toBe(written("ZZZ", parts.join("--ZZZ")));
    }),
    { numRuns: 1_000 },
  );
});

test("a form is never the same as what is none, or has no boundary", () => {
  fc.assert(
    fc.property(boundary, contents, (a, parts) => {
      const { body } = form(a, parts) as { body: Uint8Array };
      const others = [
        undefined,
        "application/json",
        "multipart/form-data",
        'multipart/form-data; boundary=""',
      ];
      const plain = others.map((type) =>
        of({ headers: type === undefined ? {} : { "content-type": type }, body }),
      );
      expect(new Set(plain).size).toBe(1);
      expect(plain[0]).not.toBe(of(form(a, parts)));
    }),
  );
});

test("any boundary and any body, in time that grows with the body only", () => {
  const dashes = `${"-".repeat(60)}x`;
  const from = performance.now();
  const hard: [boundary: string, body: string][] = [
    [dashes, "-".repeat(1_000_000)],
    ["a", "--a".repeat(300_000)],
    ["-", "-".repeat(1_000_000)],
  ];
  for (const [boundary, body] of hard) {
    of({ headers: { "content-type": `multipart/form-data; boundary=${boundary}` }, body });
  }
  expect(performance.now() - from).toBeLessThan(2_000);
});
