import { Button } from "@mantine/core";
import { Link } from "react-router";
import { links } from "~/links.ts";
import { Section } from "~/ui/Page.tsx";
import { SqlBlock } from "~/ui/SqlText.tsx";
import classes from "./Overview.module.css";

/** An empty fleet: what to do first. */
export function FirstSteps() {
  return (
    <Section title="Connect a first database">
      <ol className={classes.steps}>
        <li>
          Install the agent on the database's host, or on one that reaches it, and tell it where the database is: one <code>[[instance]]</code> in <code>/etc/querysmith/agent.toml</code>.
        </li>
        <li>
          Let it make its two roles, one that reads and one that applies what you approve. The first part alone prints the SQL; read it before you run it.
          <SqlBlock sql="querysmith-agent grants | psql -U postgres" label="Command that makes the roles" />
        </li>
        <li>
          Without <code>pg_stat_statements</code> there are no statements to look at. It is loaded at the server's start, so setting it up needs a restart:
          <SqlBlock sql={"SHOW shared_preload_libraries;\nALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements';  -- and whatever SHOW printed\n-- restart the server, then:\nCREATE EXTENSION IF NOT EXISTS pg_stat_statements;"} label="SQL that sets up pg_stat_statements" />
        </li>
        <li>
          Make a join token here and run the command it shows on that host.
          <div>
            <Button component={Link} to={`${links.fleet()}?enrol=open`} mt={6}>
              Enrol an agent
            </Button>
          </div>
        </li>
        <li>
          See what is missing, then start. The first statements appear within a minute, clear findings soon after; what needs a history, such as an unused index, takes its time.
          <SqlBlock sql={"querysmith-agent check\nquerysmith-agent run"} label="Commands that check and start the agent" />
        </li>
      </ol>
    </Section>
  );
}
