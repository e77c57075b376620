import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import type { Setting } from "~/api/types.ts";
import { setting } from "~/format.ts";
import { links } from "~/links.ts";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { FilterBar, Pager, UrlSearch } from "~/ui/ListControls.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { StateWord } from "~/ui/StateWord.tsx";
import { useUrl } from "~/url-state.ts";
import classes from "./Instance.module.css";

const columns = (instanceId: string): readonly Column<Setting>[] => [
  { id: "name", label: "Setting", primary: true, cell: (s) => <code>{s.name}</code> },
  { id: "value", label: "Value", wide: true, cell: (s) => <Value of={s} /> },
  { id: "boot", label: "Default", extra: true, cell: (s) => <span className={classes.long}>{setting(s.boot_value, s.unit)}</span> },
  { id: "source", label: "Set by", cell: (s) => (s.by_alter_system ? "ALTER SYSTEM" : s.source) },
  { id: "context", label: "Takes effect", cell: (s) => CONTEXT[s.context] ?? s.context },
  { id: "change", label: "Change", cell: (s) => <ChangeIt of={s} instanceId={instanceId} /> },
];

function ChangeIt({ of, instanceId }: { of: Setting; instanceId: string }) {
  if (of.not_settable) return <span title={`${of.name} ${of.not_settable}`}>not from here</span>;
  return (
    <Link to={links.newProposal({ instance: instanceId, parameter: of.name })} aria-label={`Propose another value of ${of.name}`}>
      propose…
    </Link>
  );
}

function Value({ of }: { of: Setting }) {
  return (
    <>
      <strong className={classes.long} title={of.unit ? `${of.value} in units of ${of.unit}` : undefined}>
        {setting(of.value, of.unit)}
      </strong>{" "}
      {of.pending_restart && <StateWord of={{ word: "waits for a restart", tone: "warn", sign: "clock" }} />}
    </>
  );
}

const CONTEXT: Record<string, string> = {
  postmaster: "at restart",
  sighup: "at reload",
  superuser: "in a session (superuser)",
  user: "in a session",
  "superuser-backend": "at connect (superuser)",
  backend: "at connect",
  internal: "fixed",
};

export function SettingsTab({ instanceId }: { instanceId: string }) {
  const settings = useQuery(read.settings(instanceId, useUrl().get("search")));
  return (
    <div className={classes.stack}>
      <FilterBar>
        <UrlSearch label="Search the settings" />
      </FilterBar>
      <Loaded query={settings}>
        {(list) => (
          <>
            <DataTable label="Settings" columns={columns(instanceId)} rows={list.items} rowKey={(s) => s.name} empty={<Empty title="No setting matches">Settings are read every 15 minutes.</Empty>} />
            <Pager shown={list.items.length} total={list.total} next={null} what="settings" />
          </>
        )}
      </Loaded>
    </div>
  );
}
