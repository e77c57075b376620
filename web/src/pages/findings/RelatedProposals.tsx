import { useQueries } from "@tanstack/react-query";
import { read } from "~/api/read.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Section } from "~/ui/Page.tsx";
import { PROPOSAL_COLUMNS } from "../proposal/columns.tsx";

const MOST = 10;
const COLUMNS = PROPOSAL_COLUMNS.filter((column) => column.id !== "instance");

export function RelatedProposals({ ids }: { ids: readonly string[] }) {
  const proposals = useQueries({ queries: ids.slice(0, MOST).map((id) => read.proposal(id)) });
  return (
    <Section title="Proposals" flush>
      <DataTable
        label="Proposals for this finding"
        columns={COLUMNS}
        rows={proposals.flatMap((proposal) => (proposal.data ? [proposal.data] : []))}
        rowKey={(proposal) => proposal.id}
        empty={<Empty title="No proposal">Either nothing safe is known that helps, or the proposal is still being simulated.</Empty>}
      />
    </Section>
  );
}
