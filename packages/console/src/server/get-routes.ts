// The requests that only read.

import type { Context, Hono } from "hono";
import type { ConsoleHost } from "../host.ts";
import { changesQuery, liveQuery, noQuery, queueQuery } from "../input/queries.ts";
import type { AppParts } from "./app-parts.ts";
import { HttpError } from "./http-error.ts";
import { checkQueue } from "./subjects.ts";

const queryOf = (context: Context): URLSearchParams => new URL(context.req.url).searchParams;

/** The changes, of a console that sees them. */
const feedOf = (host: ConsoleHost): NonNullable<ConsoleHost["feed"]> => {
  if (host.feed !== undefined && host.about().can.changes) return host.feed;
  throw new HttpError("ACTION_UNAVAILABLE", "this console does not see changes as they happen");
};

/** Adds the requests that only read. */
export const addGetRoutes = (app: Hono, { host, overview, live, runs }: AppParts): void => {
  app.get("/api/about", (context) => {
    noQuery(queryOf(context));
    return context.json(host.about());
  });
  app.get("/api/overview", async (context) => {
    noQuery(queryOf(context));
    return context.json(await overview.now());
  });
  app.get("/api/changes", (context) => {
    const query = changesQuery(queryOf(context));
    return context.json(feedOf(host).page(query.filter, query.before, query.limit));
  });
  app.get("/api/live", (context) => {
    const body = live.open(liveQuery(queryOf(context)), context.req.raw.signal);
    return context.body(body, 200, { "content-type": "application/x-ndjson" });
  });
  app.get("/api/runs", (context) => {
    noQuery(queryOf(context));
    return context.json(runs.list());
  });
  app.get("/api/dead-letters", async (context) => {
    const url = queueQuery(queryOf(context));
    checkQueue(host, url);
    return context.json(await host.deadLetters(url, context.req.raw.signal));
  });
};
