// Index columns as a person types them: `customer_id, created_at DESC`, names that need it in double quotes.

export interface KeyColumn {
  column: string;
  descending: boolean;
}

const COLUMN = /^\s*(?:"((?:[^"]|"")+)"|([^\s",]+))(?:\s+(asc|desc))?\s*$/i;

/** The parts between commas that stand outside quotes. */
function parts(text: string): string[] {
  return text.match(/(?:"(?:[^"]|"")*"|[^,"])+/g)?.filter((part) => part.trim() !== "") ?? [];
}

/** The columns, or the first part that is none. */
export function readColumns(text: string): { columns: KeyColumn[] } | { bad: string } {
  const columns: KeyColumn[] = [];
  for (const part of parts(text)) {
    const match = COLUMN.exec(part);
    const column = match?.[1]?.replaceAll('""', '"') ?? match?.[2];
    if (column === undefined) return { bad: part.trim() };
    columns.push({ column, descending: match?.[3]?.toLowerCase() === "desc" });
  }
  return { columns };
}
