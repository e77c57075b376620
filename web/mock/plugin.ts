// Serves the mock API from Vite's own server, in development and in preview (where the real security policy applies too).
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Connect, Plugin } from "vite";
import type { Mock } from "./api.ts";

// The same policy as the controller sends, so that a violation shows up here first.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export function mockApi(): Plugin {
  return {
    name: "querysmith-mock-api",
    configureServer: async (server) => {
      const module = await server.ssrLoadModule("/mock/api.ts");
      server.middlewares.use(serve(createFrom(module)));
    },
    configurePreviewServer: async (server) => {
      const { createServer } = await import("vite");
      const loader = await createServer({ configFile: false, server: { middlewareMode: true, ws: false }, appType: "custom", resolve: server.config.resolve });
      const mock = createFrom(await loader.ssrLoadModule("/mock/api.ts"));
      server.middlewares.use((_request, response, next) => {
        response.setHeader("content-security-policy", POLICY);
        next();
      });
      server.middlewares.use(serve(mock));
    },
  };
}

function isMock(value: unknown): value is Mock {
  return typeof value === "object" && value !== null && "fetch" in value && "state" in value;
}

function createFrom(module: Record<string, unknown>): Mock {
  const create = module.createMock;
  const mock: unknown = typeof create === "function" ? create({ empty: process.env.QS_MOCK === "empty", setupNeeded: process.env.QS_MOCK === "setup" }) : null;
  if (isMock(mock)) return mock;
  throw new Error("mock/api.ts does not export createMock");
}

function serve(mock: Mock): Connect.NextHandleFunction {
  return (request, response, next) => {
    if (!request.url?.startsWith("/api/")) return next();
    respond(mock, request, response).catch(next);
  };
}

async function respond(mock: Mock, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) if (typeof value === "string") headers.set(name, value);
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
  const answer = await mock.fetch(new Request(`http://mock${request.url ?? "/"}`, { method: request.method ?? "GET", headers, body }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (!answer.body) {
    response.end();
    return;
  }
  response.flushHeaders();
  const reader = answer.body.getReader();
  response.on("close", () => void reader.cancel());
  for (let part = await reader.read(); !part.done; part = await reader.read()) response.write(part.value);
  response.end();
}
