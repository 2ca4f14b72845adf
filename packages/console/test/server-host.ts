// A host that notes what it is asked, and an application around it that needs no socket.

import { randomUUID } from "node:crypto";
import type { Hono } from "hono";
import type { Abilities, About, ConsoleHost, RunResult } from "../src/index.ts";
import { createRuns } from "../src/runs/run-manager.ts";
import { createApp } from "../src/server/app.ts";
import { createLive } from "../src/server/live.ts";
import { watchOverview } from "../src/server/overview-watch.ts";
import { builtPage } from "../src/server/page-files.ts";

export const token = "t".repeat(43);
export const queueUrl = "http://127.0.0.1:9324/000000000000/orders-dead";
export const keys = { id: { S: "o-1" } };

export const everything: Abilities = {
  changes: true,
  item: true,
  redrive: true,
  editDeadLetter: true,
  dropDeadLetters: true,
  runs: ["backfill", "verify", "redrive"],
  doctor: true,
};

export const nothingAllowed: Abilities = {
  changes: false,
  item: false,
  redrive: false,
  editDeadLetter: false,
  dropDeadLetters: false,
  runs: [],
  doctor: false,
};

const aboutWith = (can: Abilities): About => ({
  mode: "dev",
  title: "orders.ts",
  version: "0.1.0",
  pipelines: [
    {
      name: "orders",
      table: "orders",
      keyNames: ["id"],
      routes: [{ name: "rows", sink: "postgres", writes: "upsert", isReadable: true }],
    },
  ],
  queues: [{ pipeline: "orders", kind: "dead letters", name: "orders-dead", url: queueUrl }],
  engines: [],
  can,
  hidesKeys: false,
});

const trace = { found: "orders" } as never;
const row = {
  queueUrl,
  id: "m-1",
  pipeline: "orders",
  route: "rows",
  code: "SINK_REJECTED",
  reason: "refused",
  attempts: 1,
  firstFailedAt: "2026-11-28T00:00:00.000Z",
  keys,
  eventId: "e-1",
  isStored: false,
};

/** A call that the host got. */
export interface HostCall {
  readonly name: string;
  readonly given: readonly unknown[];
}

/** A host that notes its calls. Members of `changes` replace its own. */
export const notingHost = (
  changes: Partial<ConsoleHost> = {},
  can: Abilities = everything,
): { readonly host: ConsoleHost; readonly calls: HostCall[] } => {
  const calls: HostCall[] = [];
  const note =
    <Given extends readonly unknown[], Value>(name: string, value: Value) =>
    async (...given: Given): Promise<Value> => {
      calls.push({ name, given });
      return value;
    };
  const done: RunResult = { lines: [], isClean: true, counts: {} };
  const host: ConsoleHost = {
    about: () => aboutWith(can),
    onAbout: () => () => {},
    overview: note("overview", { at: 1, pipelines: [], routes: [], queues: [], problems: [] }),
    everyMs: 20,
    item: note("item", { trace }),
    itemValues: note("itemValues", { item: undefined, targets: [] }),
    deadLetters: note("deadLetters", { queueUrl, rows: [row], unsupported: [], hidden: 0 }),
    deadLetter: note("deadLetter", { row, message: "refused", newImage: keys, oldImage: undefined, envelope: "{}" }),
    editDeadLetter: note("editDeadLetter", { id: "m-1", route: "rows", outcome: "delivered", stays: false }),
    exportDeadLetters: note("exportDeadLetters", ['{"a":1}', '{"a":2}']),
    dropDeadLetters: note("dropDeadLetters", { dropped: 1, left: 0, file: "dropped.ndjson" }),
    run: note("run", done),
    commandOf: ({ kind }) => `sluice ${kind} orders.ts`,
    doctor: note("doctor", {
      at: "",
      subject: "",
      findings: [],
      counts: { fail: 0, warn: 0, unknown: 0 },
      checked: [],
    }),
    ...changes,
  };
  return { host, calls };
};

/** An application around a host, as `startConsole` makes it. */
export interface TestApp {
  readonly app: Hono;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>;
  readonly post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Response>;
  readonly errors: unknown[];
  readonly end: () => void;
}

const port = 4983;
/** A key for each request. */
const newKey = (): string => randomUUID();

/** Creates the application. Its requests have what a page of this console sends. */
export const testApp = (host: ConsoleHost, page: string = builtPage): TestApp => {
  const ending = new AbortController();
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const overview = watchOverview({ host, closing: ending.signal, onError });
  const runs = createRuns({ host, onError });
  const live = createLive({ host, overview, runs });
  const access = { token, isReachable: false, hostNames: [], port: () => port };
  const app = createApp({ host, access, overview, runs, live, page, closing: ending.signal, onError });
  const base = { host: `127.0.0.1:${port}`, "x-sluice-token": token };
  return {
    app,
    errors,
    get: async (path, headers = {}) => app.request(path, { headers: { ...base, ...headers } }),
    post: async (path, body, headers = {}) =>
      app.request(path, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        headers: {
          ...base,
          "content-type": "application/json",
          "idempotency-key": newKey(),
          ...headers,
        },
      }),
    end: () => {
      ending.abort();
      live.close();
    },
  };
};

/** Waits until a condition holds. */
export const until = async (isDone: () => boolean): Promise<void> => {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 5));
};
