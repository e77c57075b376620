import { useQuery } from "@tanstack/react-query";
import { IconPlus } from "@tabler/icons-react";
import { Link, useNavigate } from "react-router";
import { roleCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { read } from "~/api/read.ts";
import type { ProposalRow } from "~/api/types.ts";
import { links } from "~/links.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { InstanceSelect } from "~/ui/InstanceSelect.tsx";
import { FilterBar, Pager, UrlSelect } from "~/ui/ListControls.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page } from "~/ui/Page.tsx";
import { PROPOSAL_STATE } from "~/ui/states.ts";
import { oneOf, useUrl } from "~/url-state.ts";
import { PROPOSAL_COLUMNS } from "./columns.tsx";

const STATES = ["waiting", "approved", "rejected", "expired", "withdrawn", "superseded"] as const satisfies readonly ProposalRow["state"][];

export function Component() {
  const url = useUrl();
  const navigate = useNavigate();
  const permission = roleCan("approver", useSession().user.role);
  const proposals = useQuery(
    read.proposals({ instance: url.get("instance"), state: oneOf(url.get("state"), STATES), cursor: url.get("cursor") }),
  );
  return (
    <Page
      title="Proposals"
      subtitle="Changes the controller would make, with what they would bring. Nothing runs before a person approves it."
      actions={
        <ActionButton permission={permission} leftSection={<IconPlus size={14} aria-hidden />} onClick={() => void navigate(links.newProposal({ instance: url.get("instance") }))}>
          Propose a change
        </ActionButton>
      }
    >
      <FilterBar>
        <UrlSelect name="state" label="State" options={[{ value: "", label: "Any state" }, ...STATES.map((value) => ({ value, label: PROPOSAL_STATE[value].word }))]} />
        <InstanceSelect />
      </FilterBar>
      <Loaded query={proposals} lines={12}>
        {(list) => (
          <>
            <DataTable
              label="Proposals"
              columns={PROPOSAL_COLUMNS}
              rows={list.items}
              rowKey={(proposal) => proposal.id}
              chooser
              empty={
                <Empty title="No proposal matches">
                  A proposal follows from a finding whose fix is worth it. <Link to={links.findings()}>See the findings</Link>
                </Empty>
              }
            />
            <Pager shown={list.items.length} total={list.total} next={list.next_cursor} what="proposals" />
          </>
        )}
      </Loaded>
    </Page>
  );
}
