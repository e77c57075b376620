import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import { plural } from "~/format.ts";
import { links } from "~/links.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Section } from "~/ui/Page.tsx";
import { FINDING_COLUMNS } from "../findings/columns.tsx";

const SHOWN = 6;
const COLUMNS = FINDING_COLUMNS.filter((column) => !["state", "object", "first_seen"].includes(column.id));

export function TopFindings() {
  const findings = useQuery(read.findings({ state: "open", limit: SHOWN }));
  return (
    <Section title="Open findings" flush actions={<Link to={links.findings()}>All findings</Link>}>
      <Loaded query={findings} lines={4}>
        {(list) => (
          <DataTable
            label="Open findings"
            columns={COLUMNS}
            rows={list.items}
            rowKey={(finding) => finding.id}
            empty={<Nothing />}
          />
        )}
      </Loaded>
    </Section>
  );
}

/** No news is good news only where everything could be seen. */
function Nothing() {
  const { data } = useQuery(read.instances());
  const unseen = (data?.items ?? []).filter((instance) => instance.status !== "ok").length;
  return (
    <Empty title="No open finding">
      {unseen === 0
        ? "The detectors looked and found nothing that is worth your time."
        : `The detectors could not see everything: ${plural(unseen, "instance needs", "instances need")} attention, see above.`}
    </Empty>
  );
}
