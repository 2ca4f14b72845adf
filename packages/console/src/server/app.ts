// The requests that the console answers.

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { failedAnswer, responseOf } from "./answers.ts";
import type { AppParts } from "./app-parts.ts";
import { addGetRoutes } from "./get-routes.ts";
import { HttpError } from "./http-error.ts";
import { isScreen, pageFile, unbuiltPage } from "./page-files.ts";
import { addPostRoutes } from "./post-routes.ts";
import { checkAccess, checkHost, protect } from "./security.ts";

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

/** Hono would answer HEAD as GET, and drop the body: a live answer would never end. */
const refuseHead: MiddlewareHandler = async (context, next) => {
  if (context.req.method === "HEAD") throw new HttpError("METHOD_UNKNOWN", "HEAD was found; expected GET or POST");
  await next();
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
  app.use("/api/*", checkAccess(parts.access), refuseHead);
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
