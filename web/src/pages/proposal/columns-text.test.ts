import { expect, test } from "vitest";
import { readColumns } from "./columns-text.ts";

const up = (column: string) => ({ column, descending: false });
const down = (column: string) => ({ column, descending: true });

test.each([
  ["customer_id", [up("customer_id")]],
  [" customer_id ,created_at  DESC, id asc,", [up("customer_id"), down("created_at"), up("id")]],
  ['"Order, No" desc, "say ""hi"""', [down("Order, No"), up('say "hi"')]],
  ["größe", [up("größe")]],
  ["desc", [up("desc")]],
  ["", []],
])("%j is read", (text, columns) => {
  expect(readColumns(text)).toEqual({ columns });
});

test.each([
  ["lower(email) x", "lower(email) x"],
  ["a, b sideways", "b sideways"],
  ["a b c", "a b c"],
])("%j is refused at the part that is wrong", (text, bad) => {
  expect(readColumns(text)).toEqual({ bad });
});
