import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { read } from "~/api/read.ts";
import type { InstanceDetail } from "~/api/types.ts";
import { sentence } from "~/format.ts";
import { links } from "~/links.ts";
import { Loaded } from "~/ui/Loaded.tsx";
import { Note } from "~/ui/Note.tsx";
import { Page } from "~/ui/Page.tsx";
import { INSTANCE_STATUS } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import { TimeRangePicker } from "~/ui/TimeRangePicker.tsx";
import { oneOf, useUrl } from "~/url-state.ts";
import { ActivityTab } from "./ActivityTab.tsx";
import { CollectorsTab } from "./CollectorsTab.tsx";
import { HealthTab } from "./HealthTab.tsx";
import { IndexesTab } from "./IndexesTab.tsx";
import { SettingsTab } from "./SettingsTab.tsx";

const TABS = ["health", "activity", "collectors", "indexes", "settings"] as const;
const CRUMBS = [{ label: "Fleet", to: links.fleet() }];

export function Component() {
  const { instanceId = "" } = useParams();
  const instance = useQuery(read.instance(instanceId));
  if (!instance.data) {
    return (
      <Page title="Instance" crumbs={CRUMBS}>
        <Loaded query={instance}>{() => null}</Loaded>
      </Page>
    );
  }
  return <Loaded query={instance}>{(data) => <InstanceView instance={data} />}</Loaded>;
}

function InstanceView({ instance }: { instance: InstanceDetail }) {
  const url = useUrl();
  const tab = oneOf(url.get("tab"), TABS) ?? "health";
  const failing = instance.collectors.filter((c) => c.status === "failed" || c.status === "partial").length;
  return (
    <Page
      title={instance.name}
      crumbs={CRUMBS}
      state={<StateWord of={INSTANCE_STATUS[instance.status]} />}
      subtitle={
        <>
          <span>PostgreSQL {instance.version}</span>
          <span>{instance.in_recovery ? "replica" : "primary"}</span>
          <span>{instance.environment}</span>
          {instance.system_identifier && <span>system {instance.system_identifier}</span>}
          <span>
            last report <Ago at={instance.last_report_at} />
          </span>
          <Link to={links.queries({ instance: instance.id })}>Queries</Link>
          <Link to={links.findings({ instance: instance.id })}>Findings</Link>
          <Link to={links.changes({ instance: instance.id })}>Changes</Link>
        </>
      }
      actions={tab === "health" && <TimeRangePicker />}
    >
      {instance.status_reason && <Note tone={instance.status === "waiting" ? "busy" : "warn"}>{sentence(instance.status_reason)}</Note>}
      {instance.settings_pending_restart.length > 0 && (
        <Note tone="warn">
          Changed but not in force until a restart: {instance.settings_pending_restart.join(", ")}. <Link to={links.instance(instance.id, "settings")}>See the settings</Link>
        </Note>
      )}
      <Tabs value={tab} onChange={(next) => url.set({ tab: next === "health" ? undefined : (next ?? undefined), search: undefined })} keepMounted={false}>
        <Tabs.List mb={14}>
          <Tabs.Tab value="health">Health</Tabs.Tab>
          <Tabs.Tab value="activity">Activity and waits</Tabs.Tab>
          <Tabs.Tab value="collectors">Collectors{failing > 0 ? ` (${failing} failing)` : ""}</Tabs.Tab>
          <Tabs.Tab value="indexes">Indexes</Tabs.Tab>
          <Tabs.Tab value="settings">Settings</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="health">
          <HealthTab instance={instance} />
        </Tabs.Panel>
        <Tabs.Panel value="activity">
          <ActivityTab instanceId={instance.id} />
        </Tabs.Panel>
        <Tabs.Panel value="collectors">
          <CollectorsTab instance={instance} />
        </Tabs.Panel>
        <Tabs.Panel value="indexes">
          <IndexesTab instanceId={instance.id} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <SettingsTab instanceId={instance.id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
