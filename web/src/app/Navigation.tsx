import {
  IconBulb, IconChartDots, IconChecklist, IconHistory, IconHome, IconListSearch, IconServer2, IconSettings, IconTool, type Icon,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "react-router";
import type { FleetSummary } from "~/api/types.ts";
import { read } from "~/api/read.ts";
import { links } from "~/links.ts";
import classes from "./Shell.module.css";

interface Entry {
  label: string;
  to: string;
  Sign: Icon;
  count?: (summary: FleetSummary) => number;
  urgent?: boolean;
}

const MAIN: readonly Entry[] = [
  { label: "Overview", to: links.overview(), Sign: IconHome },
  { label: "Fleet", to: links.fleet(), Sign: IconServer2 },
  { label: "Queries", to: links.queries(), Sign: IconListSearch },
  { label: "Findings", to: links.findings(), Sign: IconBulb, count: (s) => s.open_findings },
  { label: "Proposals", to: links.proposals(), Sign: IconChecklist, count: (s) => s.proposals_waiting, urgent: true },
  { label: "Changes", to: links.changes(), Sign: IconTool, count: (s) => s.changes_active },
  { label: "Outcomes", to: links.outcomes(), Sign: IconChartDots },
];
const MORE: readonly Entry[] = [
  { label: "Audit", to: links.audit(), Sign: IconHistory },
  { label: "Settings", to: links.settings(), Sign: IconSettings },
];

export function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const summary = useQuery(read.summary());
  return (
    <nav aria-label="Pages">
      {MAIN.map((entry) => (
        <Item key={entry.to} entry={entry} summary={summary.data} onNavigate={onNavigate} />
      ))}
      <hr className={classes.rule} />
      {MORE.map((entry) => (
        <Item key={entry.to} entry={entry} summary={summary.data} onNavigate={onNavigate} />
      ))}
    </nav>
  );
}

function belongs(pathname: string, to: string): boolean {
  if (to === links.overview()) return pathname === to;
  if (to === links.fleet() && pathname.startsWith("/instances/")) return !pathname.includes("/queries/");
  if (to === links.queries() && pathname.startsWith("/instances/")) return pathname.includes("/queries/");
  return pathname === to || pathname.startsWith(`${to}/`);
}

function Item({ entry, summary, onNavigate }: { entry: Entry; summary: FleetSummary | undefined; onNavigate: () => void }) {
  const { pathname } = useLocation();
  const count = summary && entry.count ? entry.count(summary) : 0;
  const { Sign } = entry;
  return (
    <Link to={entry.to} className={classes.item} aria-current={belongs(pathname, entry.to) ? "page" : undefined} onClick={onNavigate}>
      <Sign size={16} stroke={1.8} aria-hidden />
      {entry.label}
      {count > 0 && (
        <span className={classes.count} data-urgent={entry.urgent || undefined}>
          {count}
        </span>
      )}
    </Link>
  );
}
