import { createBrowserRouter, type RouteObject } from "react-router";
import { Broken, NoSuchPage } from "./Broken.tsx";
import { SignedIn } from "./SignedIn.tsx";

// Each page is a chunk of its own; what they share is loaded once.
export const routes: RouteObject[] = [
  { path: "/signin", ErrorBoundary: Broken, lazy: () => import("~/pages/SignInPage.tsx") },
  { path: "/setup", ErrorBoundary: Broken, lazy: () => import("~/pages/SetUpPage.tsx") },
  {
    path: "/",
    Component: SignedIn,
    ErrorBoundary: Broken,
    HydrateFallback: () => null,
    children: [
      {
        ErrorBoundary: Broken,
        children: [
          { index: true, lazy: () => import("~/pages/overview/OverviewPage.tsx") },
          { path: "fleet", lazy: () => import("~/pages/fleet/FleetPage.tsx") },
          { path: "instances/:instanceId", lazy: () => import("~/pages/instance/InstancePage.tsx") },
          { path: "instances/:instanceId/queries/:statementId", lazy: () => import("~/pages/query/QueryPage.tsx") },
          { path: "queries", lazy: () => import("~/pages/QueriesPage.tsx") },
          { path: "findings", lazy: () => import("~/pages/findings/FindingsPage.tsx") },
          { path: "findings/:findingId", lazy: () => import("~/pages/findings/FindingPage.tsx") },
          { path: "proposals", lazy: () => import("~/pages/proposal/ProposalsPage.tsx") },
          { path: "proposals/new", lazy: () => import("~/pages/proposal/NewProposalPage.tsx") },
          { path: "proposals/:proposalId", lazy: () => import("~/pages/proposal/ProposalPage.tsx") },
          { path: "changes", lazy: () => import("~/pages/change/ChangesPage.tsx") },
          { path: "changes/:changeId", lazy: () => import("~/pages/change/ChangePage.tsx") },
          { path: "outcomes", lazy: () => import("~/pages/outcomes/OutcomesPage.tsx") },
          { path: "settings", lazy: () => import("~/pages/settings/SettingsPage.tsx") },
          { path: "audit", lazy: () => import("~/pages/AuditPage.tsx") },
          { path: "*", Component: NoSuchPage },
        ],
      },
    ],
  },
];

export const createRouter = () => createBrowserRouter(routes);
