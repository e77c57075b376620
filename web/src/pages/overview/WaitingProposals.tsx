import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import { links } from "~/links.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Section } from "~/ui/Page.tsx";
import { PROPOSAL_COLUMNS } from "../proposal/columns.tsx";

const SHOWN = 8;
const COLUMNS = PROPOSAL_COLUMNS.filter((column) => column.id !== "state");

export function WaitingProposals() {
  const proposals = useQuery(read.proposals({ state: "waiting", limit: SHOWN }));
  return (
    <Section title="Waiting for a decision" flush actions={<Link to={links.proposals()}>All proposals</Link>}>
      <Loaded query={proposals} lines={4}>
        {(list) => (
          <DataTable
            label="Proposals waiting for a decision"
            columns={COLUMNS}
            rows={list.items}
            rowKey={(proposal) => proposal.id}
            empty={<Empty title="Nothing waits for you">A proposal appears here when a finding has a fix that is worth it.</Empty>}
          />
        )}
      </Loaded>
    </Section>
  );
}
