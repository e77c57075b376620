import { ActionIcon, Tooltip } from "@mantine/core";
import { IconChartLine, IconTable } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import classes from "./Chart.module.css";

export interface LegendEntry {
  label: string;
  color: string;
  dashed?: boolean;
}

interface Props {
  title: string;
  /** In one sentence what the picture shows, for those who do not see it. */
  summary: string;
  legend?: readonly LegendEntry[];
  controls?: ReactNode;
  chart: ReactNode;
  table: ReactNode;
  children?: ReactNode;
}

/** A chart with its legend, and the same numbers as a table. */
export function ChartFrame({ title, summary, legend = [], controls, chart, table, children }: Props) {
  const [asTable, setAsTable] = useState(false);
  return (
    <figure className={classes.frame} aria-label={title}>
      <figcaption className={classes.head}>
        <span className={classes.title}>{title}</span>
        {legend.length > 0 && (
          <span className={classes.legend}>
            {legend.map((entry) => (
              <span key={entry.label}>
                <svg width="16" height="8" aria-hidden>
                  <line x1="0" x2="16" y1="4" y2="4" stroke={entry.color} strokeWidth="2.5" strokeDasharray={entry.dashed ? "3 2" : undefined} />
                </svg>
                {entry.label}
              </span>
            ))}
          </span>
        )}
        <span className={classes.controls}>
          {controls}
          <Tooltip label={asTable ? "Show the chart" : "Show the numbers"}>
            <ActionIcon variant="subtle" color="gray" size={24} aria-label={`${title}: ${asTable ? "show the chart" : "show the numbers as a table"}`} onClick={() => setAsTable(!asTable)}>
              {asTable ? <IconChartLine size={15} /> : <IconTable size={15} />}
            </ActionIcon>
          </Tooltip>
        </span>
      </figcaption>
      {asTable ? (
        <div className={classes.table} tabIndex={0} role="region" aria-label={`${title} as a table`}>
          {table}
        </div>
      ) : (
        <div role="img" aria-label={summary}>
          {chart}
        </div>
      )}
      {children}
    </figure>
  );
}
