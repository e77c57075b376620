import { Button } from "@mantine/core";
import { useRouteError, isRouteErrorResponse, Link } from "react-router";
import { links } from "~/links.ts";
import { Page } from "~/ui/Page.tsx";
import { Trouble } from "~/ui/Trouble.tsx";

/** A page that could not be shown: a mistake of ours, said plainly. */
export function Broken() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NoSuchPage />;
  return (
    <Page title="This page could not be shown">
      <Trouble error={error} retry={() => window.location.reload()} />
    </Page>
  );
}

export function NoSuchPage() {
  return (
    <Page title="There is no such page" subtitle="The address may be from another version of the console.">
      <div>
        <Button component={Link} to={links.overview()} variant="default">
          Go to the overview
        </Button>
      </div>
    </Page>
  );
}
