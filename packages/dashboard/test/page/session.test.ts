import { expect, test } from "vitest";
import type { Session } from "../../src/api.js";
import { whyNot } from "../../ui/session.js";

test("why there is no button", () => {
  const session: Session = {
    ...{
      allow: ["read", "replay"],
      readOnly: false,
      title: "",
      pollMs: 1,
      activity: false,
      textSearch: true,
    },
  };
  expect(whyNot(session, ["replay"])).toBeUndefined();
  expect(whyNot(session, ["replay", "edit", "discard"])).toBe("You may not edit or discard here.");
  expect(whyNot({ ...session, readOnly: true }, ["replay"])).toContain("read-only");
});
