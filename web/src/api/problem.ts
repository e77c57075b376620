// What the server says when it refuses (application/problem+json), as an error a page can show word for word.

export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly field: string | null;
  readonly hint: string | null;

  constructor(parts: { status: number; title: string; detail: string; field?: string | null; hint?: string | null }) {
    super(parts.detail);
    this.name = "Problem";
    this.status = parts.status;
    this.title = parts.title;
    this.field = parts.field ?? null;
    this.hint = parts.hint ?? null;
  }
}

function text(body: object, name: string): string | null {
  const value: unknown = Reflect.get(body, name);
  return typeof value === "string" && value !== "" ? value : null;
}

/** Reads a refusal; a body that is not a problem document (a proxy's page) still gives a sentence. */
export function problemFrom(status: number, body: unknown, retryAfter: string | null = null): Problem {
  const wait = retryAfter ? `Try again in ${retryAfter} s.` : null;
  if (typeof body === "object" && body !== null) {
    return new Problem({
      status,
      title: text(body, "title") ?? fallbackTitle(status),
      detail: text(body, "detail") ?? "The controller gave no reason.",
      field: text(body, "field"),
      hint: text(body, "hint") ?? wait,
    });
  }
  return new Problem({ status, title: fallbackTitle(status), detail: "The controller gave no reason.", hint: wait });
}

function fallbackTitle(status: number): string {
  if (status === 401) return "Not signed in";
  if (status === 403) return "Not allowed";
  if (status === 404) return "Not found";
  if (status === 429) return "Too many attempts";
  return `The controller answered ${status}`;
}

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem({
    status: 0,
    title: "The controller did not answer",
    detail: error instanceof Error ? error.message : "The connection failed.",
    hint: "The console keeps trying. If it lasts, check that the controller is running and that this network reaches it.",
  });
}
