import { Checkbox, Menu, UnstyledButton, ActionIcon, Tooltip } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowDown, IconArrowUp, IconColumns3 } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useUrl, type UrlState } from "~/url-state.ts";
import classes from "./DataTable.module.css";

export interface Column<Row> {
  id: string;
  label: string;
  cell: (row: Row) => ReactNode;
  numeric?: boolean;
  /** Takes the room that is left, and is cut off at its end. */
  wide?: boolean;
  /** The server sorts by this name. */
  sort?: string;
  /** Cannot be hidden; heads the card on a narrow screen. */
  primary?: boolean;
  /** Shown where there is room, or when it is chosen. */
  extra?: boolean;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  sort?: { by: string; desc: boolean };
  /** Offers a choice of columns, kept in the address. */
  chooser?: boolean;
  /** What is shown when there is no row: why, and what to do. */
  empty?: ReactNode;
}

export function DataTable<Row>({ label, columns, rows, rowKey, sort, chooser = false, empty }: Props<Row>) {
  const url = useUrl();
  const roomy = useMediaQuery(ROOMY) ?? false;
  const shown = columns.filter((column) => isShown(column, url, roomy));
  // The chooser stays while the list is refreshed to nothing: an open menu is not taken from under the hand.
  return (
    <div className={classes.place}>
      {chooser && <Chooser columns={columns} roomy={roomy} />}
      {rows.length === 0 && empty ? empty : <Table label={label} shown={shown} rows={rows} rowKey={rowKey} sort={sort} />}
    </div>
  );
}

type TableProps<Row> = Pick<Props<Row>, "label" | "rows" | "rowKey" | "sort"> & { shown: readonly Column<Row>[] };

function Table<Row>({ label, shown, rows, rowKey, sort }: TableProps<Row>) {
  return (
    <div className={classes.frame}>
      <table className={classes.table} aria-label={label}>
        <thead>
          <tr>
            {shown.map((column) => (
              <Head key={column.id} column={column} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {shown.map((column) => (
                <td
                  key={column.id}
                  data-label={column.label}
                  data-numeric={column.numeric || undefined}
                  data-wide={column.wide || undefined}
                  data-primary={column.primary || undefined}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head<Row>({ column, sort }: { column: Column<Row>; sort?: { by: string; desc: boolean } }) {
  const url = useUrl();
  const active = sort !== undefined && column.sort === sort.by;
  const attributes = { "data-numeric": column.numeric || undefined, "data-wide": column.wide || undefined, scope: "col" } as const;
  if (!column.sort || !sort) return <th {...attributes}>{column.label}</th>;
  const desc = active ? !sort.desc : true;
  return (
    <th {...attributes} aria-sort={active ? (sort.desc ? "descending" : "ascending") : "none"}>
      <UnstyledButton className={classes.sort} data-active={active || undefined} onClick={() => url.set({ sort: column.sort, desc: desc ? undefined : "false" })}>
        {column.label}
        {active && (sort.desc ? <IconArrowDown size={12} aria-hidden /> : <IconArrowUp size={12} aria-hidden />)}
      </UnstyledButton>
    </th>
  );
}

const ROOMY = "(min-width: 1600px)";

const listed = (url: UrlState, name: "hide" | "show") => (url.get(name) ?? "").split(",").filter(Boolean);

/** What the address says, or else what there is room for. */
function isShown<Row>(column: Column<Row>, url: UrlState, roomy: boolean): boolean {
  if (column.primary || listed(url, "show").includes(column.id)) return true;
  return !listed(url, "hide").includes(column.id) && (roomy || !column.extra);
}

function Chooser<Row>({ columns, roomy }: { columns: readonly Column<Row>[]; roomy: boolean }) {
  const url = useUrl();
  const toggle = (column: Column<Row>) => {
    const [from, to] = isShown(column, url, roomy) ? (["show", "hide"] as const) : (["hide", "show"] as const);
    const left = listed(url, from).filter((id) => id !== column.id);
    url.set({ [from]: left.join(","), [to]: [...listed(url, to), column.id].join(","), cursor: url.get("cursor") }, { replace: true });
  };
  return (
    <div className={classes.chooser}>
      <Menu closeOnItemClick={false} position="bottom-end" withinPortal>
        <Menu.Target>
          <Tooltip label="Choose columns">
            <ActionIcon variant="subtle" color="gray" size={24} aria-label="Choose columns">
              <IconColumns3 size={15} />
            </ActionIcon>
          </Tooltip>
        </Menu.Target>
        <Menu.Dropdown>
          {columns
            .filter((column) => !column.primary)
            .map((column) => (
              <Menu.Item key={column.id} onClick={() => toggle(column)} component="div">
                <Checkbox size="xs" label={column.label} checked={isShown(column, url, roomy)} readOnly tabIndex={-1} />
              </Menu.Item>
            ))}
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

/** The link a row is about. `j` and `k` walk over these. */
export function RowLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link to={to} data-row-link className={classes.link}>
      {children}
    </Link>
  );
}
