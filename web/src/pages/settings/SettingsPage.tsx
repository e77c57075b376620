import { Tabs } from "@mantine/core";
import { Page } from "~/ui/Page.tsx";
import { oneOf, useUrl } from "~/url-state.ts";
import { AboutTab } from "./AboutTab.tsx";
import { JobsTab } from "./JobsTab.tsx";
import { KeyTab } from "./KeyTab.tsx";
import { PeopleTab } from "./PeopleTab.tsx";
import { TokensTab } from "./TokensTab.tsx";

const TABS = ["people", "tokens", "key", "jobs", "about"] as const;

export function Component() {
  const url = useUrl();
  const tab = oneOf(url.get("tab"), TABS) ?? "people";
  return (
    <Page title="Settings" subtitle="Who may do what, and how the controller itself is doing.">
      <Tabs value={tab} onChange={(next) => url.set({ tab: next === "people" ? undefined : (next ?? undefined) })} keepMounted={false}>
        <Tabs.List mb={14}>
          <Tabs.Tab value="people">People</Tabs.Tab>
          <Tabs.Tab value="tokens">API tokens</Tabs.Tab>
          <Tabs.Tab value="key">Your key</Tabs.Tab>
          <Tabs.Tab value="jobs">Jobs</Tabs.Tab>
          <Tabs.Tab value="about">About</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="people">
          <PeopleTab />
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <TokensTab />
        </Tabs.Panel>
        <Tabs.Panel value="key">
          <KeyTab />
        </Tabs.Panel>
        <Tabs.Panel value="jobs">
          <JobsTab />
        </Tabs.Panel>
        <Tabs.Panel value="about">
          <AboutTab />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
