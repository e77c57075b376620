// Every path of the console. Pages never spell an address themselves, so a renamed page is one line here.

type Filters = Record<string, string | undefined>;

function withFilters(path: string, filters: Filters): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) if (value) search.set(name, value);
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

const part = encodeURIComponent;

export const links = {
  overview: () => "/",
  signIn: (next?: string) => withFilters("/signin", { next: next === "/" ? undefined : next }),
  setUp: () => "/setup",
  fleet: () => "/fleet",
  instance: (id: string, tab?: string) => withFilters(`/instances/${part(id)}`, { tab }),
  queries: (filters: { instance?: string; search?: string; sort?: string } = {}) => withFilters("/queries", filters),
  query: (instanceId: string, statementId: string) =>
    `/instances/${part(instanceId)}/queries/${part(statementId)}`,
  findings: (filters: { instance?: string; kind?: string; severity?: string; state?: string } = {}) =>
    withFilters("/findings", filters),
  finding: (id: string) => `/findings/${part(id)}`,
  proposals: (filters: { instance?: string; state?: string } = {}) => withFilters("/proposals", filters),
  newProposal: (filters: { instance?: string; parameter?: string } = {}) => withFilters("/proposals/new", filters),
  proposal: (id: string) => `/proposals/${part(id)}`,
  proposalExport: (id: string, format: "sql" | "markdown") =>
    `/api/v1/proposals/${part(id)}/export?format=${format}`,
  changes: (filters: { instance?: string; state?: string } = {}) => withFilters("/changes", filters),
  change: (id: string) => `/changes/${part(id)}`,
  outcomes: () => "/outcomes",
  settings: (tab?: string) => withFilters("/settings", { tab }),
  audit: (filters: { search?: string } = {}) => withFilters("/audit", filters),
  apiDocs: () => "/api/docs/",
};
