// Everything the console asks the controller to do. Each call answers with the new state or throws the reason.
import { answer, client, done } from "./client.ts";
import type { Role, Signature, WantedProposal } from "./types.ts";

const byId = (id: string) => ({ path: { id } });

export const write = {
  signIn: (body: { name: string; password: string }) => answer(client.POST("/api/v1/session", { body })),
  signOut: () => done(client.DELETE("/api/v1/session")),
  setUp: (body: { code: string; name: string; password: string }) => answer(client.POST("/api/v1/setup", { body })),

  propose: (body: WantedProposal) => answer(client.POST("/api/v1/proposals", { body })),
  approve: (id: string, body: { digest: string; reason?: string; signature?: Signature }) =>
    answer(client.POST("/api/v1/proposals/{id}/approve", { params: byId(id), body })),
  reject: (id: string, reason: string) =>
    answer(client.POST("/api/v1/proposals/{id}/reject", { params: byId(id), body: { reason } })),
  sign: (id: string, body: Signature) => answer(client.POST("/api/v1/changes/{id}/sign", { params: byId(id), body })),
  undo: (id: string, body: { reason: string; signature?: Signature }) =>
    answer(client.POST("/api/v1/changes/{id}/undo", { params: byId(id), body })),
  withdraw: (id: string, reason: string) =>
    answer(client.POST("/api/v1/changes/{id}/withdraw", { params: byId(id), body: { reason } })),

  hold: (id: string, reason: string) =>
    answer(client.POST("/api/v1/changes/{id}/hold", { params: byId(id), body: { reason } })),
  release: (id: string, reason: string) =>
    answer(client.POST("/api/v1/changes/{id}/release", { params: byId(id), body: { reason } })),
  keep: (id: string, reason: string) =>
    answer(client.POST("/api/v1/changes/{id}/keep", { params: byId(id), body: { reason } })),

  createJoinToken: (body: { ttl_s?: number; note?: string }) => answer(client.POST("/api/v1/join-tokens", { body })),
  revokeAgent: (id: string, reason: string) =>
    answer(client.POST("/api/v1/agents/{id}/revoke", { params: byId(id), body: { reason } })),

  createUser: (body: { name: string; password: string; role: Role }) => answer(client.POST("/api/v1/users", { body })),
  changeUser: (id: string, body: { role?: Role; password?: string; disabled?: boolean }) =>
    answer(client.PATCH("/api/v1/users/{id}", { params: byId(id), body })),
  createToken: (body: { name: string; role: Role; expires_in_s?: number }) =>
    answer(client.POST("/api/v1/tokens", { body })),
  deleteToken: (id: string) => done(client.DELETE("/api/v1/tokens/{id}", { params: byId(id) })),
  runJob: (name: string) => done(client.POST("/api/v1/jobs/{name}/run", { params: { path: { name } } })),
};
