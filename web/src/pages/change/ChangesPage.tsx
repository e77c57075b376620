import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import type { ChangeRow } from "~/api/types.ts";
import { links } from "~/links.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { InstanceSelect } from "~/ui/InstanceSelect.tsx";
import { FilterBar, Pager, UrlSelect } from "~/ui/ListControls.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page } from "~/ui/Page.tsx";
import { CHANGE_STATE } from "~/ui/states.ts";
import { oneOf, useUrl } from "~/url-state.ts";
import { CHANGE_COLUMNS } from "./columns.tsx";

const STATES = [
  "approved", "offered", "received", "armed", "applying", "trial", "confirmed", "reverting", "reverted", "rejected", "aborted", "stuck",
] as const satisfies readonly ChangeRow["state"][];

export function Component() {
  const url = useUrl();
  const changes = useQuery(
    read.changes({ instance: url.get("instance"), state: oneOf(url.get("state"), STATES), cursor: url.get("cursor") }),
  );
  return (
    <Page title="Changes" subtitle="What was approved, what the agents did, and what was measured. A change that harms is undone by itself.">
      <FilterBar>
        <UrlSelect name="state" label="State" options={[{ value: "", label: "Any state" }, ...STATES.map((value) => ({ value, label: CHANGE_STATE[value].word }))]} />
        <InstanceSelect />
      </FilterBar>
      <Loaded query={changes} lines={12}>
        {(list) => (
          <>
            <DataTable
              label="Changes"
              columns={CHANGE_COLUMNS}
              rows={list.items}
              rowKey={(change) => change.id}
              chooser
              empty={
                <Empty title="No change matches">
                  A change begins when a proposal is approved. <Link to={links.proposals({ state: "waiting" })}>See what waits</Link>
                </Empty>
              }
            />
            <Pager shown={list.items.length} total={list.total} next={list.next_cursor} what="changes" />
          </>
        )}
      </Loaded>
    </Page>
  );
}
