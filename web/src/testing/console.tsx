// The whole console in a test: its real routes and cache, against the mock API that its types describe.
import { render } from "@testing-library/react";
import { createMemoryRouter, RouterProvider } from "react-router";
import { vi } from "vitest";
import { createCache } from "~/app/cache.ts";
import { Providers } from "~/app/Providers.tsx";
import { routes } from "~/app/routes.tsx";
import { createMock, type Mock } from "../../mock/api.ts";
import type { MockOptions } from "../../mock/state.ts";

const QUICK = 5;

export interface Opened {
  mock: Mock;
  /** Path and search parameters, as the address bar would show them. */
  address: () => string;
}

/** `refuse` answers in place of the mock where it returns something. */
export function openConsole(path: string, options: MockOptions = {}, refuse?: (request: Request) => Response | undefined): Opened {
  const mock = createMock({ signedIn: "admin", pace: QUICK, ...options });
  vi.stubGlobal("fetch", async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    return refuse?.(request) ?? mock.fetch(request);
  });
  const router = createMemoryRouter(routes, { initialEntries: [path] });
  render(
    <Providers cache={createCache()}>
      <RouterProvider router={router} />
    </Providers>,
  );
  return { mock, address: () => router.state.location.pathname + router.state.location.search };
}

export function problem(status: number, title: string, detail: string, hint?: string, field?: string): Response {
  return new Response(JSON.stringify({ type: "about:blank", status, title, detail, hint, field }), { status, headers: { "content-type": "application/problem+json" } });
}
