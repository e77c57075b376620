import { expect, test } from "vitest";
import { broken, gist, indexColumns, script, tokens } from "./sql-tokens.ts";

const kinds = (sql: string) =>
  tokens(sql)
    .filter((token) => token.kind !== "other" && token.text.trim() !== "")
    .map((token) => `${token.kind}:${token.text}`);

test("keywords, names, calls, parameters and literals are told apart", () => {
  expect(kinds("SELECT count(*) FROM orders WHERE id = $1 AND note = 'it''s' LIMIT 10")).toEqual([
    "keyword:SELECT", "function:count", "keyword:FROM", "name:orders", "keyword:WHERE", "name:id", "parameter:$1",
    "keyword:AND", "name:note", "string:'it''s'", "keyword:LIMIT", "number:10",
  ]);
});

test.each([
  "SELECT 1 -- a comment\nFROM t /* open",
  "SELECT $$body 'x' $$, $q$a$q$, E'\\n', \"Odd Name\", 1.5e3, x::text FROM t WHERE y = ?",
  "SELECT 'unclosed",
  "",
  "größe = :wert ; \u0000",
])("nothing is lost: %s", (sql) => {
  expect(tokens(sql).map((token) => token.text).join("")).toBe(sql);
});

test("a long line is broken before its clauses, not inside parentheses or strings", () => {
  expect(broken("SELECT a FROM t JOIN u ON t.id = u.id WHERE x IN (SELECT y FROM v WHERE z) AND s = 'a FROM b' ORDER BY a LIMIT 3")).toBe(
    "SELECT a\nFROM t\nJOIN u ON t.id = u.id\nWHERE x IN (SELECT y FROM v WHERE z) AND s = 'a FROM b'\nORDER BY a\nLIMIT 3",
  );
  expect(broken("ALTER SYSTEM SET work_mem = '64MB'")).toBe("ALTER SYSTEM SET work_mem = '64MB'");
  expect(broken("SELECT 1\nFROM t WHERE a")).toBe("SELECT 1\nFROM t WHERE a");
});

test("a left join is one clause", () => {
  expect(broken("SELECT a FROM t LEFT JOIN u ON u.id = t.id")).toBe("SELECT a\nFROM t\nLEFT JOIN u ON u.id = t.id");
});

test.each([
  ["SELECT o.id, o.status, o.total FROM orders o WHERE o.id = $1", "SELECT … FROM orders o WHERE o.id = $1"],
  ["SELECT count(*) FROM orders", "SELECT count(*) FROM orders"],
  ["SELECT (SELECT max(x) FROM inner_table WHERE y) AS m, b FROM t", "SELECT … FROM t"],
  ["WITH r AS (SELECT a, b, c, d, e, f, g FROM x)\nSELECT aaaaaaaa, bbbbbbbb, cccccc FROM r", "WITH r AS (SELECT a, b, c, d, e, f, g FROM x) SELECT … FROM r"],
  ["UPDATE t SET a = 1", "UPDATE t SET a = 1"],
  ["SELECT 1", "SELECT 1"],
])("the gist of %s", (sql, expected) => {
  expect(gist(sql)).toBe(expected);
});

test("statements become a script that can be pasted", () => {
  expect(script(["SET lock_timeout = 2000", "DROP INDEX CONCURRENTLY a;\n"])).toBe("SET lock_timeout = 2000;\nDROP INDEX CONCURRENTLY a;");
  expect(script([])).toBe("");
});

test("an index is told by its columns, not by the words before them", () => {
  expect(indexColumns("CREATE INDEX o_i ON public.orders USING btree (a, lower(b)) WHERE (c IS NULL)")).toBe("btree (a, lower(b)) WHERE (c IS NULL)");
  expect(indexColumns("nothing like an index")).toBe("nothing like an index");
});
