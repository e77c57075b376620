import { QueryClient } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import { refresh, topicOf } from "./live.ts";

test.each([
  ['{"topic":"changes","id":"c-1"}', "changes"],
  ['{"topic":"all","id":null}', "all"],
  ['{"topic":"weather"}', null],
  ["not json", null],
  ["null", null],
])("the event %s is about %s", (data, topic) => {
  expect(topicOf(data)).toBe(topic);
});

test("a change refreshes what shows it, and leaves the rest alone", () => {
  const cache = new QueryClient();
  const invalidate = vi.spyOn(cache, "invalidateQueries");
  refresh(cache, "changes");
  const keys = invalidate.mock.calls.map(([filters]) => filters?.queryKey?.[0]);
  expect(keys).toContain("changes");
  expect(keys).toContain("summary");
  expect(keys).not.toContain("users");
});
