// Routes whose answers are checked against the API document at compile time: a mock that drifts does not build.
import type { paths } from "~/api/generated/schema.ts";
import type { Get, Posted } from "~/api/types.ts";

export interface Call {
  params: (name: string) => string;
  query: URLSearchParams;
  body: unknown;
  /** A text field of the body; refuses when it is missing or empty. */
  text: (name: string) => string;
}

interface Route {
  method: string;
  pattern: RegExp;
  status: number;
  handler: (call: Call) => unknown;
}

export class Refusal extends Error {
  readonly status: number;
  readonly title: string;
  readonly field: string | null;
  readonly hint: string | null;

  constructor(status: number, title: string, detail: string, extra: { field?: string; hint?: string } = {}) {
    super(detail);
    this.status = status;
    this.title = title;
    this.field = extra.field ?? null;
    this.hint = extra.hint ?? null;
  }
}

export class Router {
  private readonly routes: Route[] = [];

  private add(method: string, path: string, status: number, handler: (call: Call) => unknown): void {
    const pattern = new RegExp(`^${path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
    this.routes.push({ method, pattern, status, handler });
  }

  get<P extends keyof paths>(path: P, handler: (call: Call) => Get<P>): void {
    this.add("GET", path, 200, handler);
  }

  post<P extends keyof paths>(path: P, status: number, handler: (call: Call) => Posted<P>): void {
    this.add("POST", path, status, handler);
  }

  /** For answers without a body, or without a type of their own. */
  other(method: string, path: string, status: number, handler: (call: Call) => unknown): void {
    this.add(method, path, status, handler);
  }

  /** `enter` runs right before the handler, without a pause between: there it is settled who asks. */
  async handle(request: Request, enter: () => void = () => {}): Promise<Response> {
    const url = new URL(request.url);
    if (request.method !== "GET" && request.headers.get("x-querysmith-csrf") !== "1") {
      return refusal(new Refusal(403, "Not allowed", "The header x-querysmith-csrf is missing."));
    }
    for (const route of this.routes) {
      const match = route.method === request.method ? route.pattern.exec(url.pathname) : null;
      if (!match) continue;
      const body: unknown = request.method === "GET" ? null : await request.json().catch(() => null);
      const params = (name: string) => decodeURIComponent(match.groups?.[name] ?? "");
      const text = (name: string) => {
        const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : null;
        if (typeof value === "string" && value.trim() !== "") return value;
        throw new Refusal(400, "Invalid request", `${name} must not be empty.`, { field: name });
      };
      try {
        enter();
        const answer = route.handler({ params, query: url.searchParams, body, text });
        if (answer instanceof Response) return answer;
        if (answer === undefined) return new Response(null, { status: route.status });
        return Response.json(answer, { status: route.status });
      } catch (error) {
        if (error instanceof Refusal) return refusal(error);
        throw error;
      }
    }
    return refusal(new Refusal(404, "Not found", `${request.method} ${url.pathname} is not part of this API.`));
  }
}

function refusal(error: Refusal): Response {
  const { status, title, field, hint } = error;
  return new Response(JSON.stringify({ type: "about:blank", title, status, detail: error.message, field, hint }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}

export function paged<T>(all: T[], query: URLSearchParams): { items: T[]; next_cursor: string | null; total: number } {
  const start = Number(query.get("cursor") ?? 0);
  const limit = Math.min(200, Number(query.get("limit") ?? 50));
  const end = start + limit;
  return { items: all.slice(start, end), next_cursor: end < all.length ? String(end) : null, total: all.length };
}
