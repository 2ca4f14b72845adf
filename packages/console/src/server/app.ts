// The requests that the console answers.

import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { ConsoleHost } from "../host.ts";
import type { RunManager } from "../runs/run-manager.ts";
import { failedAnswer, responseOf } from "./answers.ts";
import { addGetRoutes } from "./get-routes.ts";
import { HttpError } from "./http-error.ts";
import type { Live } from "./live.ts";
import type { OverviewWatch } from "./overview-watch.ts";
import { isScreen, pageFile, unbuiltPage } from "./page-files.ts";
import { addPostRoutes } from "./post-routes.ts";
import { type Access, checkAccess, checkHost, protect } from "./security.ts";

/** What the application is made of. */
export interface AppParts {
  readonly host: ConsoleHost;
  readonly access: Access;
  readonly overview: OverviewWatch;
  readonly live: Live;
  readonly runs: RunManager;
  /** The folder with the built page. */
  readonly page: string;
  readonly closing: AbortSignal;
  /** Reports an unexpected error. `subject` is the method and the path of a request. */
  readonly onError: (error: unknown, subject: string) => void;
}

const addPage = (app: Hono, folder: string): void => {
  app.get("/favicon.ico", (context) => context.body(null, 204));
  app.get("*", async (context) => {
    const file = await pageFile(folder, context.req.path);
    if (file === undefined) {
      if (isScreen(context.req.path)) return context.html(unbuiltPage, 503);
      throw new HttpError("ADDRESS_UNKNOWN", "nothing is at this address");
    }
    const headers = { etag: file.etag, "content-type": file.type, "cache-control": "no-cache" };
    if (context.req.header("if-none-match") === file.etag) return context.body(null, 304, headers);
    return context.body(file.body, 200, headers);
  });
};

/** Hono hands only instances of its own context's class `Error` to `onError`. */
const catching =
  (answer: (error: unknown, context: Context) => Response): MiddlewareHandler =>
  async (context, next) => {
    try {
      await next();
    } catch (error) {
      context.res = answer(error, context);
    }
  };

/** Creates the application. It needs no socket, so that tests can ask it directly. */
export const createApp = (parts: AppParts): Hono => {
  const app = new Hono();
  const answerError = (error: unknown, context: Context): Response => {
    const subject = `${context.req.method} ${context.req.path}`;
    return responseOf(failedAnswer(error, (unexpected) => parts.onError(unexpected, subject)));
  };
  app.onError(answerError);
  app.use(protect);
  app.use(catching(answerError));
  app.use(checkHost(parts.access));
  app.use("/api/*", checkAccess(parts.access));
  addGetRoutes(app, parts);
  addPostRoutes(app, parts);
  app.on(["GET", "POST"], "/api/*", () => {
    throw new HttpError("ADDRESS_UNKNOWN", "the console has no such request");
  });
  addPage(app, parts.page);
  app.notFound(() => {
    throw new HttpError("METHOD_UNKNOWN", "the method is none of the console's; expected GET, or POST for an action");
  });
  return app;
};
