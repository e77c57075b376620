import { expect, test } from "vitest";
import { oneOf, patched } from "./url-state.ts";

test("another filter starts the list from its first page", () => {
  const search = new URLSearchParams("state=open&cursor=50");
  expect(patched(search, { severity: "high" }).toString()).toBe("state=open&severity=high");
  expect(patched(search, { cursor: "100" }).toString()).toBe("state=open&cursor=100");
  expect(patched(search, { state: undefined }).toString()).toBe("");
});

test("a word the page does not know is ignored", () => {
  expect(oneOf("trial", ["trial", "confirmed"])).toBe("trial");
  expect(oneOf("nonsense", ["trial", "confirmed"])).toBeUndefined();
});
