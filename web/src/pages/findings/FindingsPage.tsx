import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import type { Finding } from "~/api/types.ts";
import { links } from "~/links.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { InstanceSelect } from "~/ui/InstanceSelect.tsx";
import { FilterBar, Pager, UrlSelect } from "~/ui/ListControls.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page } from "~/ui/Page.tsx";
import { FINDING_KIND } from "~/ui/states.ts";
import { oneOf, useUrl } from "~/url-state.ts";
import { FINDING_COLUMNS } from "./columns.tsx";

const KINDS = ["missing_index", "unused_index", "duplicate_index", "stale_statistics", "regression", "top_consumer"] as const satisfies readonly Finding["kind"][];
const SEVERITIES = ["critical", "high", "medium", "low"] as const;
const STATES = ["open", "resolved", "all"] as const;

export function Component() {
  const url = useUrl();
  const findings = useQuery(
    read.findings({
      instance: url.get("instance"),
      kind: oneOf(url.get("kind"), KINDS),
      severity: oneOf(url.get("severity"), SEVERITIES),
      state: oneOf(url.get("state"), STATES) ?? "open",
      cursor: url.get("cursor"),
    }),
  );
  const any = { value: "", label: "" };
  const columns = FINDING_COLUMNS.filter((column) => column.id !== "state" || (url.get("state") ?? "open") !== "open");
  return (
    <Page title="Findings" subtitle="What the detectors see, worst first. A finding resolves by itself when its cause is gone.">
      <FilterBar>
        <UrlSelect name="state" label="State" fallback="open" options={[{ value: "open", label: "Open" }, { value: "resolved", label: "Resolved" }, { value: "all", label: "Open and resolved" }]} />
        <UrlSelect name="severity" label="Severity" options={[{ ...any, label: "Any severity" }, ...SEVERITIES.map((value) => ({ value, label: value }))]} />
        <UrlSelect name="kind" label="Kind" options={[{ ...any, label: "Any kind" }, ...KINDS.map((value) => ({ value, label: FINDING_KIND[value] }))]} />
        <InstanceSelect />
      </FilterBar>
      <Loaded query={findings} lines={12}>
        {(list) => (
          <>
            <DataTable
              label="Findings"
              columns={columns}
              rows={list.items}
              rowKey={(finding) => finding.id}
              chooser
              empty={
                <Empty title="No finding matches">
                  The detectors run all the time; a clear problem shows within a minute of its statements, what needs a history takes its time. <Link to={links.fleet()}>Are all agents connected?</Link>
                </Empty>
              }
            />
            <Pager shown={list.items.length} total={list.total} next={list.next_cursor} what="findings" />
          </>
        )}
      </Loaded>
    </Page>
  );
}
