import { Button, Group, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useNavigate } from "react-router";
import { roleCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { refresh } from "~/api/live.ts";
import { toProblem } from "~/api/problem.ts";
import { read } from "~/api/read.ts";
import type { Instance, WantedProposal } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { sentence } from "~/format.ts";
import { links } from "~/links.ts";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page, Section } from "~/ui/Page.tsx";
import { Trouble } from "~/ui/Trouble.tsx";
import { oneOf, useUrl } from "~/url-state.ts";
import { ParameterFields, type Way } from "./ParameterFields.tsx";
import { readColumns } from "./columns-text.ts";
import classes from "./NewProposal.module.css";

const KINDS = ["create_index", "analyze", "drop_index", "create_statistics", "set_statistics_target", "set_parameter"] as const satisfies readonly WantedProposal["kind"][];
const KIND_WORDS: Record<WantedProposal["kind"], string> = {
  create_index: "Build an index",
  analyze: "Gather a table's statistics (ANALYZE)",
  drop_index: "Drop an index that another one makes superfluous",
  create_statistics: "Gather statistics about columns together",
  set_statistics_target: "Sample a column more or less closely",
  set_parameter: "Set a parameter of the server",
};

export function Component() {
  const instances = useQuery(read.instances());
  const permission = roleCan("approver", useSession().user.role);
  return (
    <Page
      title="Propose a change"
      crumbs={[{ label: "Proposals", to: links.proposals() }]}
      subtitle="It is checked and simulated like what Querysmith finds by itself, and waits for a decision. Nothing runs before it is approved."
    >
      <Section title="What to do">
        {permission.allowed ? (
          <Loaded query={instances} lines={6}>
            {(list) => (list.items.length === 0 ? <Empty title="No database is watched yet">A change needs a server to make it on.</Empty> : <Wish instances={list.items} />)}
          </Loaded>
        ) : (
          <Empty title="Not for this role">{permission.why}</Empty>
        )}
      </Section>
    </Page>
  );
}

function Wish({ instances }: { instances: readonly Instance[] }) {
  const url = useUrl();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [wanted, setWanted] = useState(url.get("instance"));
  const instance = (instances.find(({ id }) => id === wanted) ?? instances[0])?.id ?? "";
  const [kind, setKind] = useState<WantedProposal["kind"]>(url.get("parameter") ? "set_parameter" : "create_index");
  const [chosen, setChosen] = useState<string>();
  const [tried, setTried] = useState<Way>("switchback");
  const [text, setText] = useState({ schema: "public", table: "", keys: "", include: "", index: "", columns: "", target: "", parameter: url.get("parameter") ?? "", value: "", reason: "" });
  const databases = useQuery(read.instance(instance)).data?.databases ?? [];
  const database = databases.find((name) => name === chosen) ?? databases[0] ?? "";
  const keys = readColumns(text.keys);
  const include = readColumns(text.include);
  const propose = useMutation({
    mutationFn: write.propose,
    onSuccess: (proposal) => {
      cache.setQueryData(read.proposal(proposal.id).queryKey, proposal);
      refresh(cache, "proposals");
    },
  });
  const problem = propose.isError ? toProblem(propose.error) : undefined;
  // The field a refusal is about is marked; the whole of it, with what to do, stands below.
  const at = (name: string) => (problem?.field === name ? sentence(problem.message) : undefined);
  const field = (name: keyof typeof text) => ({
    value: text[name],
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setText((now) => ({ ...now, [name]: value }));
      propose.reset();
    },
  });
  const builds = kind === "create_index";
  const sets = kind === "set_parameter";
  const badKeys = builds && "bad" in keys ? `“${keys.bad}” is no column` : undefined;
  const badInclude = builds && "bad" in include ? `“${include.bad}” is no column` : undefined;
  const together = kind === "create_statistics";
  const samples = kind === "set_statistics_target";
  const needed = {
    create_index: [text.table, text.keys], analyze: [text.table], drop_index: [text.table, text.index],
    create_statistics: [text.table, text.columns], set_statistics_target: [text.table, text.columns, text.target], set_parameter: [text.parameter, text.value],
  }[kind];
  const badTarget = samples && text.target.trim() !== "" && !/^\d{1,5}$/.test(text.target.trim()) ? `“${text.target.trim()}” is no whole number` : undefined;
  const ready = !badKeys && !badInclude && !badTarget && [text.reason, ...needed].every((written) => written.trim() !== "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ready || propose.isPending) return;
    const place = sets ? { parameter: text.parameter.trim(), value: text.value.trim(), tried } : { database, schema: text.schema.trim() || undefined, table: text.table.trim() };
    const body = {
      instance_id: instance,
      kind,
      ...place,
      keys: builds && "columns" in keys ? keys.columns : [],
      include: builds && "columns" in include ? include.columns.map((column) => column.column) : [],
      index: kind === "drop_index" ? text.index.trim() : undefined,
      columns: together || samples ? text.columns.split(",").map((column) => column.trim()).filter(Boolean) : undefined,
      target: samples ? Number(text.target) : undefined,
      reason: text.reason.trim(),
    };
    // Whoever has left the page meanwhile stays where they went.
    propose.mutate(body, { onSuccess: (proposal) => void navigate(links.proposal(proposal.id)) });
  };
  return (
    <form onSubmit={submit} className={classes.form}>
      <div className={classes.row}>
        <NativeSelect label="Instance" error={at("instance_id")} data={instances.map(({ id, name }) => ({ value: id, label: name }))} value={instance} onChange={(e) => setWanted(e.currentTarget.value)} />
        {!sets && <NativeSelect label="Database" error={at("database")} data={databases} value={database} onChange={(e) => setChosen(e.currentTarget.value)} />}
      </div>
      <NativeSelect label="Change" data={KINDS.map((value) => ({ value, label: KIND_WORDS[value] }))} value={kind} onChange={(e) => setKind(oneOf(e.currentTarget.value, KINDS) ?? "create_index")} />
      {sets && <ParameterFields instanceId={instance} parameter={field("parameter")} value={field("value")} tried={{ value: tried, onChange: (way) => { setTried(way); propose.reset(); } }} at={at} />}
      {!sets && (
        <div className={classes.row}>
          <TextInput label="Schema" {...field("schema")} error={at("schema")} />
          <TextInput label="Table" {...field("table")} error={at("table")} required withAsterisk={false} />
        </div>
      )}
      {builds && (
        <>
          <TextInput label="Key columns" description="In order, for example: customer_id, created_at DESC" {...field("keys")} error={badKeys ?? at("keys")} required withAsterisk={false} />
          <TextInput label="Columns to carry along (optional)" description="INCLUDE: read from the index without visiting the table." {...field("include")} error={badInclude ?? at("include")} />
        </>
      )}
      {kind === "drop_index" && (
        <TextInput label="Index" description="Only one whose work another index of the table does; any other is yours to drop by hand." {...field("index")} error={at("index")} required withAsterisk={false} />
      )}
      {together && <TextInput label="Columns" description="Two to eight that are filtered on together, for example: city, postcode" {...field("columns")} error={at("columns")} required withAsterisk={false} />}
      {samples && (
        <div className={classes.row}>
          <TextInput label="Column" description="One, as the table has it" {...field("columns")} error={at("columns")} required withAsterisk={false} />
          <TextInput label="Statistics target" description="1 to 10000; PostgreSQL's default is 100" inputMode="numeric" {...field("target")} error={badTarget ?? at("target")} required withAsterisk={false} />
        </div>
      )}
      <Textarea label="Reason" description="Stands in the proposal and in the audit log." {...field("reason")} error={at("reason")} autosize minRows={2} required withAsterisk={false} />
      {problem && <Trouble error={problem} />}
      {propose.isPending && !sets && <span role="status">The planner is asked what it would do with it: half a minute at most.</span>}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={() => void navigate(links.proposals())}>
          Cancel
        </Button>
        <Button type="submit" disabled={!ready} loading={propose.isPending}>
          Check and propose
        </Button>
      </Group>
    </form>
  );
}
