import { describe, expect, it } from "vitest";
import { passwordsIn, withoutPassword } from "../src/store-url.js";

describe("a URL as it may be shown", () => {
  it.each([
    ["redis://localhost:6379/0", "redis://localhost:6379/0"],
    ["redis://host/0?family=6&keyPrefix=a", "redis://host/0?family=6&keyPrefix=a"],
    ["sqlite:/data/a@b?password=c.db", "sqlite:/data/a@b?password=c.db"],
    ["redis://user:secret@host:6379/0", "redis://***@host:6379/0"],
    ["rediss://:secret@host", "rediss://***@host"],
    ["redis://u:se@cret@host", "redis://***@host"],
    ["redis://u:se/cret@host/0", "redis://***@host/0"],
    ["redis://u:12/cret@host/0", "redis://***@host/0"],
    ["redis://u:se?cr#et@host/0", "redis://***@host/0"],
    ["redis://host/0?password=secret&family=6", "redis://host/0?password=***&family=6"],
    ["redis://host/0?family=6&sentinelPassword=se@cret", "redis://host/0?family=6&sentinelPassword=***"],
    ["redis://u:secret@host/0?AUTH_PASS=secret#x", "redis://***@host/0?AUTH_PASS=***"],
    ["postgres:u:secret@host", "postgres:***@host"],
    ["u:secret@host", "u:***@host"],
  ])("%s", (url, shown) => {
    expect(withoutPassword(url)).toBe(shown);
  });
});

describe("its passwords, to be kept out of everything else that is said", () => {
  it.each<[string, string[]]>([
    ["redis://localhost:6379/0", []],
    ["sqlite:/data/a:b@c.db", []],
    ["redis://user:se%40cret@host/0", ["se%40cret", "se@cret"]],
    ["redis://user:%zz@host/0", ["%zz"]],
    ["redis://host/0?password=hunter%32&family=6", ["hunter%32", "hunter2"]],
    ["redis://u:first@host/0?sentinelPassword=second", ["first", "second"]],
    ["redis://u:se/cret@host", ["se/cret"]],
  ])("%s", (url, passwords) => {
    expect(passwordsIn(url)).toEqual(passwords);
  });
});
