import { Autocomplete, NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ChangeEvent } from "react";
import { read } from "~/api/read.ts";
import type { Proposal, Setting } from "~/api/types.ts";
import { setting } from "~/format.ts";
import { oneOf } from "~/url-state.ts";
import classes from "./NewProposal.module.css";

export type Way = Proposal["tried"];

interface Tried {
  value: Way;
  onChange: (way: Way) => void;
}

const WAYS = ["switchback", "slow_switchback", "before_after"] as const satisfies readonly Way[];

const TRIED: Record<Way, { label: string; meaning: string }> = {
  switchback: { label: "In turns of minutes, in random order", meaning: "Put in place and taken back until it is told what it does: kept if it helps, taken back if it harms or nothing can be told. Needs some hours of statistics." },
  slow_switchback: { label: "In turns of half an hour, in random order", meaning: "For what needs caches to fill. Takes days, and needs two days of statistics." },
  before_after: { label: "Once, compared with the time before", meaning: "Harm is told and takes it back; help can't be told from a quieter hour, so only a person keeps it." },
};

interface Field {
  value: string;
  onChange: (event: { currentTarget: { value: string } }) => void;
}

/** A parameter of the server and its new value, with what the server says of it while it is typed. */
export function ParameterFields({ instanceId, parameter, value, tried, at }: { instanceId: string; parameter: Field; value: Field; tried: Tried; at: (field: string) => string | undefined }) {
  const name = parameter.value.trim().toLowerCase();
  const found = useQuery({ ...read.settings(instanceId, name), enabled: name.length > 1 }).data?.items ?? [];
  const known = found.find((one) => one.name.toLowerCase() === name);
  const offered = found.filter((one) => !one.not_settable).map((one) => one.name);
  return (
    <>
    <div className={classes.row}>
      <Autocomplete
        label="Parameter"
        description={known && !known.not_settable ? now(known) : "Of the whole server, for example: work_mem"}
        error={at("parameter") ?? (known?.not_settable ? `${known.name} ${known.not_settable}` : undefined)}
        value={parameter.value}
        onChange={(written) => parameter.onChange({ currentTarget: { value: written } })}
        data={[...new Set(offered)]}
        limit={12}
        required
        withAsterisk={false}
      />
      <TextInput
        label="New value"
        description={known && !known.not_settable ? takes(known) : "With its unit, for example: 64MB"}
        error={at("value")}
        value={value.value}
        onChange={(event: ChangeEvent<HTMLInputElement>) => value.onChange(event)}
        required
        withAsterisk={false}
      />
    </div>
    <NativeSelect
      label="How it is tried"
      description={TRIED[tried.value].meaning}
      error={at("tried")}
      data={WAYS.map((way) => ({ value: way, label: TRIED[way].label }))}
      value={tried.value}
      onChange={(event) => tried.onChange(oneOf(event.currentTarget.value, WAYS) ?? "switchback")}
    />
    </>
  );
}

function now(known: Setting): string {
  const by = known.by_alter_system ? "an earlier ALTER SYSTEM" : known.source;
  return `Now ${setting(known.value, known.unit)} (${by}); PostgreSQL's default is ${setting(known.boot_value, known.unit)}`;
}

function takes(known: Setting): string {
  if (known.choices.length > 0) return `One of ${known.choices.join(", ")}`;
  if (known.min == null || known.max == null) return "on or off";
  return `From ${setting(known.min, known.unit)} to ${setting(known.max, known.unit)}${known.unit ? ", with its unit" : ""}`;
}
