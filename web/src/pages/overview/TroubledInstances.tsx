import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import { sentence } from "~/format.ts";
import { links } from "~/links.ts";
import { Section } from "~/ui/Page.tsx";
import { StateWord } from "~/ui/StateWord.tsx";
import { INSTANCE_STATUS } from "~/ui/states.ts";
import classes from "./Overview.module.css";

/** Instances that cannot be judged fully, and why. Nothing is shown when all is well. */
export function TroubledInstances() {
  const { data } = useQuery(read.instances());
  const troubled = (data?.items ?? []).filter((instance) => instance.status !== "ok");
  if (troubled.length === 0) return null;
  return (
    <Section title="Instances that need attention" actions={<Link to={links.fleet()}>The fleet</Link>}>
      <ul className={classes.list}>
        {troubled.map((instance) => (
          <li key={instance.id}>
            <StateWord of={INSTANCE_STATUS[instance.status]} />
            <Link to={links.instance(instance.id)}>{instance.name}</Link>
            <span>{sentence(instance.status_reason)}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
