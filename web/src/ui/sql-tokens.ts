// Splits SQL into pieces for colouring. It never changes a character: the pieces joined are the text again.

export type TokenKind = "keyword" | "string" | "number" | "parameter" | "comment" | "function" | "name" | "other";
export interface Token {
  kind: TokenKind;
  text: string;
}

const KEYWORDS = new Set(
  (
    "add all alter analyze and any array as asc begin between btree by cascade case check coalesce column commit concurrently " +
    "conflict constraint create cross current default delete desc distinct do drop else end except exists explain extension " +
    "false fetch filter first following for foreign from full gin gist grant group having hash if ilike in include index inner insert " +
    "intersect interval into is isnull join key last lateral left like limit lock locked materialized natural not nothing notnull null " +
    "nulls of offset on only or order outer over partition preceding primary range recursive references reindex reset returning " +
    "right row rows schema select set share skip table temporary then to true truncate union unique unlogged update using " +
    "vacuum values view when where window with within"
  ).split(" "),
);

const PATTERN = new RegExp(
  [
    String.raw`(?<comment>--[^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`(?<string>(?:[eEbBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|$)|\$(?<tag>[A-Za-z_]*)\$[\s\S]*?(?:\$\k<tag>\$|$))`,
    String.raw`(?<quoted>"(?:[^"]|"")*(?:"|$))`,
    String.raw`(?<parameter>\$\d+|:[A-Za-z_]\w*|\?(?=[\s,)]|$))`,
    String.raw`(?<number>\b\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\b)`,
    String.raw`(?<cast>::)`,
    String.raw`(?<call>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*(?=\s*\())`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<rest>[\s\S])`,
  ].join("|"),
  "g",
);

export function tokens(sql: string): Token[] {
  const found: Token[] = [];
  for (const match of sql.matchAll(PATTERN)) {
    const kind = kindOf(match.groups ?? {});
    const last = found.at(-1);
    if (last && last.kind === kind && kind === "other") last.text += match[0];
    else found.push({ kind, text: match[0] });
  }
  return found;
}

function kindOf(groups: Record<string, string | undefined>): TokenKind {
  if (groups.comment !== undefined) return "comment";
  if (groups.string !== undefined) return "string";
  if (groups.quoted !== undefined) return "name";
  if (groups.parameter !== undefined) return "parameter";
  if (groups.number !== undefined) return "number";
  if (groups.call !== undefined) return KEYWORDS.has(groups.call.toLowerCase()) ? "keyword" : "function";
  if (groups.word !== undefined) return KEYWORDS.has(groups.word.toLowerCase()) ? "keyword" : "name";
  return "other";
}

const CLAUSES = /\s+(?=(?:from|where|group by|order by|having|limit|offset|returning|values|(?<!\bsystem\s+)set|union(?: all)?|(?:left|right|full)(?: outer)? join|(?:inner|cross) join|(?<!\b(?:left|right|full|outer|inner|cross)\s+)join|for update|on conflict)\b)/gi;

/** A statement on one line is broken before its clauses, so that a person can read it. Texts with line breaks are kept. */
export function broken(sql: string): string {
  if (sql.includes("\n")) return sql;
  let depth = 0;
  let text = "";
  // Only clauses outside parentheses and strings start a line.
  for (const token of tokens(sql)) {
    if (token.kind === "other") {
      for (const char of token.text) depth += char === "(" ? 1 : char === ")" ? -1 : 0;
    }
    text += depth > 0 || token.kind === "string" ? token.text.replaceAll(" ", "\u0000") : token.text;
  }
  return text.replace(CLAUSES, "\n").replaceAll("\u0000", " ");
}

const LONG_LIST = 18;

/** A statement for one line: a long list of columns is left out, because where and what for says more. */
export function gist(sql: string): string {
  const flat = sql.replace(/\s+/g, " ").trim();
  let depth = 0;
  let place = 0;
  let listStart: number | null = null;
  for (const token of tokens(flat)) {
    const word = token.kind === "keyword" ? token.text.toLowerCase() : "";
    if (token.kind === "other") for (const char of token.text) depth += char === "(" ? 1 : char === ")" ? -1 : 0;
    if (depth === 0 && listStart === null && word === "select") listStart = place + token.text.length;
    else if (depth === 0 && listStart !== null && word === "from") {
      return place - listStart > LONG_LIST ? `${flat.slice(0, listStart)} … ${flat.slice(place)}` : flat;
    }
    place += token.text.length;
  }
  return flat;
}

/** What tells an index from the others of its table: `btree (customer_id, created_at DESC) WHERE …`. */
export function indexColumns(definition: string): string {
  return / USING (.*)$/is.exec(definition)?.[1] ?? definition;
}

/** Statements as one text that can be pasted into psql: each ends with its semicolon. */
export function script(statements: readonly string[]): string {
  return statements.map((statement) => statement.trimEnd().replace(/;?$/, ";")).join("\n");
}
