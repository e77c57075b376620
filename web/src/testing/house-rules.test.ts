// The rules of this folder, held by a test instead of by memory.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOTS = ["src", "mock", "e2e"];
const LONGEST_FILE = 260;

function sources(): { path: string; text: string }[] {
  return ROOTS.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name) && !name.includes("generated") && !name.includes("house-rules"))
      .map((name) => ({ path: join(root, name), text: readFileSync(join(root, name), "utf8") })),
  );
}

const code = (text: string) =>
  text
    .replace(/^import[\s\S]*?;$/gm, "")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\/\/.*$/gm, "")
    .replace(/`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\])*"/g, '""')
    .replace(/>[^<>{}]+</g, "><");

const offenders = (pattern: RegExp, except: RegExp = /$^/) =>
  sources()
    .filter(({ path, text }) => !except.test(path) && pattern.test(code(text)))
    .map(({ path }) => path);

test("types are never cast and never any", () => {
  expect(offenders(/\b(?!import\b)\w+[)\]]?\s+as\s+(?!const\b)[A-Z{(]/)).toEqual([]);
  expect(offenders(/[:<,|]\s*any\b/)).toEqual([]);
  expect(offenders(/@ts-(ignore|expect-error|nocheck)/)).toEqual([]);
});

test("effects subscribe, they do not copy state", () => {
  expect(offenders(/\buseEffect\(/, /Shell\.tsx$/)).toEqual([]);
});

test("nothing is re-exported", () => {
  expect(offenders(/export\s+(\*|\{[^}]*\})\s+from/)).toEqual([]);
});

test("no file holds two ideas", () => {
  const long = sources().filter(({ path, text }) => text.split("\n").length > LONGEST_FILE && !path.startsWith(join("mock", "data")));
  expect(long.map(({ path }) => path)).toEqual([]);
});

test("nothing is loaded from elsewhere, and no script is inline", () => {
  const page = readFileSync("index.html", "utf8");
  expect(page).not.toMatch(/https?:\/\//);
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>/);
  expect(offenders(/dangerouslySetInnerHTML/)).toEqual([]);
});
