import { useQuery } from "@tanstack/react-query";
import { read } from "~/api/read.ts";
import { UrlSelect } from "./ListControls.tsx";

/** The filter by instance that all lists share. */
export function InstanceSelect() {
  const { data } = useQuery(read.instances());
  const options = (data?.items ?? []).map((instance) => ({ value: instance.id, label: instance.name }));
  return <UrlSelect name="instance" label="Instance" options={[{ value: "", label: "All instances" }, ...options]} />;
}
