import { useQuery } from "@tanstack/react-query";
import { read } from "~/api/read.ts";
import { links } from "~/links.ts";
import { Facts } from "~/ui/Facts.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Section } from "~/ui/Page.tsx";
import { Ago, At } from "~/ui/Time.tsx";

export function AboutTab() {
  const about = useQuery(read.about());
  return (
    <Section title="About this controller">
      <Loaded query={about} lines={3}>
        {(data) => (
          <Facts
            of={[
              { label: "Version", value: data.version },
              { label: "Store", value: data.store === "embedded" ? "its own PostgreSQL" : "external PostgreSQL", note: data.store === "embedded" ? "under its data directory" : "given in its configuration" },
              { label: "Running since", value: <Ago at={data.started_at} />, note: <At at={data.started_at} /> },
              { label: "Fleet", value: data.demo ? "demo" : "real", note: data.demo ? "made-up databases; nothing here is yours" : undefined },
              { label: "API", value: <a href={links.apiDocs()}>Documentation</a> },
            ]}
          />
        )}
      </Loaded>
    </Section>
  );
}
