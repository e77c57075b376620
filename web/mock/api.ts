// The API of the controller, from memory: serves `npm run dev:mock` and the component tests through one function.
import { fleetRoutes } from "./routes/fleet.ts";
import { adminRoutes } from "./routes/admin.ts";
import { adviceRoutes } from "./routes/advice.ts";
import { Router } from "./router.ts";
import { MockState, type MockOptions } from "./state.ts";

export interface Mock {
  state: MockState;
  fetch: (request: Request) => Promise<Response>;
}

export function createMock(options: MockOptions = {}): Mock {
  const state = new MockState(options);
  const router = new Router();
  adminRoutes(router, state);
  fleetRoutes(router, state);
  adviceRoutes(router, state);
  const open = new Set(["/api/v1/session", "/api/v1/setup"]);
  return {
    state,
    fetch: async (request) => {
      const path = new URL(request.url).pathname;
      const enter = () => state.enter(request.headers.get("cookie"));
      enter();
      if (!state.user && !open.has(path)) {
        return Response.json({ type: "about:blank", title: "Not signed in", status: 401, detail: "Sign in to go on." }, { status: 401 });
      }
      return path === "/api/v1/events" ? events(state) : router.handle(request, enter);
    },
  };
}

function events(state: MockState): Response {
  const encoder = new TextEncoder();
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(": connected\n\n"));
      stop = state.listen((topic, id) => controller.enqueue(encoder.encode(`event: changed\ndata: ${JSON.stringify({ topic, id })}\n\n`)));
    },
    cancel: () => stop(),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
}
