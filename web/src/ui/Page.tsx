import { IconChevronRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import classes from "./Page.module.css";

interface Props {
  title: string;
  /** What the title is of; beside it. */
  state?: ReactNode;
  subtitle?: ReactNode;
  crumbs?: { label: string; to: string }[];
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, state, subtitle, crumbs = [], actions, children }: Props) {
  return (
    <div className={classes.page}>
      <title>{`${title} · Querysmith`}</title>
      <header className={classes.header}>
        <div className={classes.words}>
          {crumbs.length > 0 && (
            <nav aria-label="Where this is" className={classes.crumbs}>
              {crumbs.map((crumb) => (
                <span key={crumb.to}>
                  <Link to={crumb.to}>{crumb.label}</Link>
                  <IconChevronRight size={12} aria-hidden />
                </span>
              ))}
            </nav>
          )}
          <div className={classes.title}>
            <h1>{title}</h1>
            {state}
          </div>
          {subtitle && <div className={classes.subtitle}>{subtitle}</div>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page with a heading of its own. */
export function Section({ title, hint, actions, flush = false, children }: { title: string; hint?: ReactNode; actions?: ReactNode; flush?: boolean; children: ReactNode }) {
  return (
    <section className={classes.section} aria-label={title}>
      <div className={classes.sectionHead}>
        <h2>{title}</h2>
        {hint && <span className={classes.hint}>{hint}</span>}
        {actions && <div className={classes.sectionActions}>{actions}</div>}
      </div>
      <div className={flush ? classes.flush : classes.body}>{children}</div>
    </section>
  );
}

/** A part of a page whose content names itself, such as a chart. */
export function Panel({ children }: { children: ReactNode }) {
  return (
    <div className={classes.section}>
      <div className={classes.body}>{children}</div>
    </div>
  );
}
