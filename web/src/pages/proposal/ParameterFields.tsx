import { Autocomplete, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ChangeEvent } from "react";
import { read } from "~/api/read.ts";
import type { Setting } from "~/api/types.ts";
import { setting } from "~/format.ts";
import classes from "./NewProposal.module.css";

interface Field {
  value: string;
  onChange: (event: { currentTarget: { value: string } }) => void;
}

/** A parameter of the server and its new value, with what the server says of it while it is typed. */
export function ParameterFields({ instanceId, parameter, value, at }: { instanceId: string; parameter: Field; value: Field; at: (field: string) => string | undefined }) {
  const name = parameter.value.trim().toLowerCase();
  const found = useQuery({ ...read.settings(instanceId, name), enabled: name.length > 1 }).data?.items ?? [];
  const known = found.find((one) => one.name.toLowerCase() === name);
  const offered = found.filter((one) => !one.not_settable).map((one) => one.name);
  return (
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
