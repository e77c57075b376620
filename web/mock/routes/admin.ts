import type { Role } from "~/api/types.ts";
import { STARTED } from "../data/clock.ts";
import { uuid } from "../data/random.ts";
import { paged, Refusal, type Call, type Router } from "../router.ts";
import { one, type MockState } from "../state.ts";

const role = ({ body }: Call): Role => {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "role") : null;
  if (value === "viewer" || value === "approver" || value === "admin") return value;
  throw new Refusal(400, "Invalid request", "role must be viewer, approver or admin.", { field: "role" });
};

export function adminRoutes(router: Router, state: MockState): void {
  const session = () => {
    if (!state.user) throw new Refusal(401, "Not signed in", "Sign in to go on.");
    return { user: state.user, setup_needed: false };
  };

  router.get("/api/v1/setup", () => ({ setup_needed: state.setupNeeded }));
  const signedIn = (name: string, status: number) =>
    Response.json(session(), { status, headers: { "set-cookie": `qs_session=${encodeURIComponent(name)}; Path=/; HttpOnly; SameSite=Strict` } });

  router.other("POST", "/api/v1/setup", 201, ({ text }) => {
    if (text("code") !== "demo-code") throw new Refusal(403, "Wrong code", "This is not the code the controller printed at its first start.", { field: "code", hint: "Look for “set-up code” in the controller's log." });
    if (text("password").length < 12) throw new Refusal(400, "Invalid request", "The password needs at least 12 characters.", { field: "password" });
    state.setupNeeded = false;
    const user = { id: uuid(`user ${text("name")}`), name: text("name"), role: "admin" as const };
    state.users.push({ ...user, disabled: false, created_at: new Date().toISOString(), last_sign_in_at: null });
    state.user = user;
    return signedIn(user.name, 201);
  });
  router.get("/api/v1/session", session);
  router.other("POST", "/api/v1/session", 200, ({ text }) => {
    const user = state.users.find((u) => u.name === text("name") && !u.disabled);
    if (!user || text("password").length < 4) throw new Refusal(401, "Not signed in", "Name or password is wrong.");
    state.user = { id: user.id, name: user.name, role: user.role };
    return signedIn(user.name, 200);
  });
  router.other("DELETE", "/api/v1/session", 204, () => {
    return new Response(null, { status: 204, headers: { "set-cookie": "qs_session=; Path=/; Max-Age=0" } });
  });

  router.get("/api/v1/users", ({ query }) => {
    state.require("admin");
    return paged(state.users, query);
  });
  router.post("/api/v1/users", 201, (call) => {
    state.require("admin");
    const name = call.text("name");
    if (state.users.some((u) => u.name === name)) throw new Refusal(409, "Name is taken", `There is already a person called ${name}.`, { field: "name" });
    if (call.text("password").length < 12) throw new Refusal(400, "Invalid request", "The password needs at least 12 characters.", { field: "password" });
    const user = { id: uuid(`user ${name}`), name, role: role(call), disabled: false, created_at: new Date().toISOString(), last_sign_in_at: null };
    state.users.push(user);
    state.log("user.create", `${name} (${user.role})`, null);
    return user;
  });
  router.other("PATCH", "/api/v1/users/{id}", 200, (call) => {
    state.require("admin");
    const user = one(state.users, call.params("id"), "person");
    const disabled: unknown = typeof call.body === "object" && call.body !== null ? Reflect.get(call.body, "disabled") : null;
    if (typeof disabled === "boolean") user.disabled = disabled;
    else user.role = role(call);
    return user;
  });
  router.get("/api/v1/tokens", ({ query }) => {
    state.require("admin");
    return paged(state.tokens, query);
  });
  router.post("/api/v1/tokens", 201, (call) => {
    const name = call.text("name");
    const issued = { id: uuid(`token ${name}`), name, role: role(call) };
    state.tokens.push({ ...issued, created_at: new Date().toISOString(), expires_at: null, last_used_at: null });
    return { ...issued, token: "qst_p3Vb8Yc1Lm6Zt0Qx5Rk9Hd2" };
  });
  router.other("DELETE", "/api/v1/tokens/{id}", 204, ({ params }) => {
    const index = state.tokens.findIndex((token) => token.id === params("id"));
    if (index >= 0) state.tokens.splice(index, 1);
  });

  router.get("/api/v1/audit", ({ query }) => {
    state.require("approver");
    const search = (query.get("search") ?? "").toLowerCase();
    return paged(state.audit.filter((e) => `${e.actor} ${e.action} ${e.subject}`.toLowerCase().includes(search)), query);
  });
  router.get("/api/v1/jobs", ({ query }) => paged(state.jobs, query));
  router.other("POST", "/api/v1/jobs/{name}/run", 202, ({ params }) => {
    state.require("admin");
    const job = state.jobs.find((candidate) => candidate.name === params("name"));
    if (!job) throw new Refusal(404, "Not found", "There is no job with this name.");
    job.status = "running";
    job.last_started_at = new Date().toISOString();
    state.announce("jobs");
    setTimeout(() => {
      job.status = "ok";
      job.message = null;
      job.runs += 1;
      job.last_finished_at = new Date().toISOString();
      state.announce("jobs");
    }, 2 * state.pace);
  });
  router.get("/api/v1/about", () => ({ version: "0.1.0", store: "embedded" as const, started_at: new Date(STARTED - 41 * 3_600_000).toISOString(), demo: true }));
}
