import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { isUnderWay } from "~/access/lifecycle.ts";
import { read } from "~/api/read.ts";
import { links } from "~/links.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Section } from "~/ui/Page.tsx";
import { CHANGE_COLUMNS } from "../change/columns.tsx";

const READ = 100;
const SHOWN = 6;

export function ActiveChanges() {
  const changes = useQuery(read.changes({ limit: READ }));
  return (
    <Section title="Under way" flush actions={<Link to={links.changes()}>All changes</Link>}>
      <Loaded query={changes} lines={3}>
        {(list) => (
          <DataTable
            label="Changes under way"
            columns={CHANGE_COLUMNS}
            rows={list.items.filter((change) => isUnderWay(change.state))}
            rowKey={(change) => change.id}
            empty={<Empty title="Nothing is being changed">An approved proposal shows here while it is applied and measured.</Empty>}
          />
        )}
      </Loaded>
    </Section>
  );
}

export function FinishedChanges() {
  const changes = useQuery(read.changes({ limit: READ }));
  return (
    <Section title="What helped, what was taken back" flush actions={<Link to={links.outcomes()}>Outcomes</Link>}>
      <Loaded query={changes} lines={3}>
        {(list) => (
          <DataTable
            label="Finished changes"
            columns={CHANGE_COLUMNS}
            rows={list.items.filter((change) => !isUnderWay(change.state)).slice(0, SHOWN)}
            rowKey={(change) => change.id}
            empty={<Empty title="No change has a verdict yet">Each change is measured before and after; its verdict appears here.</Empty>}
          />
        )}
      </Loaded>
    </Section>
  );
}
