import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { roleCan, type Permission } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { read } from "~/api/read.ts";
import type { Job } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { count, duration } from "~/format.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Section } from "~/ui/Page.tsx";
import { JOB_STATUS } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import { Trouble } from "~/ui/Trouble.tsx";

export function JobsTab() {
  const { user } = useSession();
  const cache = useQueryClient();
  const jobs = useQuery(read.jobs());
  const run = useMutation({ mutationFn: write.runJob, onSuccess: () => cache.invalidateQueries({ queryKey: ["jobs"] }) });
  const mayRun = (job: Job): Permission => (job.status === "running" ? { allowed: false, why: "It is running already." } : roleCan("admin", user.role));
  const columns: readonly Column<Job>[] = [
    { id: "name", label: "Job", primary: true, cell: (j) => <strong>{j.name}</strong> },
    { id: "status", label: "State", cell: (j) => <StateWord of={JOB_STATUS[j.status]} /> },
    { id: "message", label: "What it says", wide: true, cell: (j) => <span title={j.message ?? undefined}>{j.message}</span> },
    { id: "schedule", label: "Schedule (UTC)", cell: (j) => <code title="cron expression, with seconds">{j.schedule}</code> },
    { id: "took", label: "Took", numeric: true, cell: (j) => duration(j.last_duration_ms) },
    { id: "finished", label: "Last run", numeric: true, cell: (j) => <Ago at={j.last_finished_at ?? j.last_started_at} /> },
    { id: "next", label: "Next", numeric: true, cell: (j) => <Ago at={j.next_run_at} /> },
    { id: "runs", label: "Runs / failed", numeric: true, cell: (j) => `${count(j.runs)} / ${count(j.failures)}` },
    {
      id: "run",
      label: "",
      cell: (j) => (
        <ActionButton size="compact-xs" variant="default" permission={mayRun(j)} onClick={() => run.mutate(j.name)}>
          Run now
        </ActionButton>
      ),
    },
  ];
  return (
    <Section title="Jobs of the controller" flush>
      {run.isError && <Trouble error={run.error} />}
      <Loaded query={jobs}>
        {(list) => <DataTable label="Jobs" columns={columns} rows={list.items} rowKey={(j) => j.name} empty={<Empty title="No job is registered">The controller is still starting.</Empty>} />}
      </Loaded>
    </Section>
  );
}
