import createClient from "openapi-fetch";
import type { paths } from "./generated/schema.ts";
import { problemFrom } from "./problem.ts";

// Same origin, always. The absolute form is only there because Request needs one outside a page.
// fetch is looked up at each call so that tests can put a mock in its place.
export const client = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: (request) => globalThis.fetch(request),
});

client.use({
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("x-querysmith-csrf", "1");
    return request;
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a good answer; a refusal is thrown as a Problem. */
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok && data !== undefined) return data;
  throw problemFrom(response.status, error, response.headers.get("retry-after"));
}

/** For calls that answer without a body. */
export async function done(call: Promise<Answer<unknown>>): Promise<void> {
  const { error, response } = await call;
  if (!response.ok) throw problemFrom(response.status, error, response.headers.get("retry-after"));
}
