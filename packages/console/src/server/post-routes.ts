// How POST requests are answered: their type, their size, their key.

import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { type Action, actionsOf, megabyte } from "./actions.ts";
import { type Answer, failedAnswer, responseOf } from "./answers.ts";
import type { AppParts } from "./app-parts.ts";
import { HttpError } from "./http-error.ts";
import { withSignals } from "./linked-signal.ts";
import { type OncePerKey, oncePerKey } from "./once-per-key.ts";

/** A page of another site can send other types without asking first. */
const checkType = (context: Context): void => {
  const type = context.req.header("content-type") ?? "";
  if (/^application\/json\s*(;|$)/i.test(type)) return;
  throw new HttpError("CONTENT_TYPE_WRONG", "the body has another type; expected content-type: application/json");
};

/** The parser's message would quote the body. */
const parsed = (body: string): unknown => {
  if (body === "") return undefined;
  try {
    return JSON.parse(body);
  } catch {
    throw new HttpError("INPUT_INVALID", "body: expected JSON; found something else");
  }
};

const respond = async (
  context: Context,
  { path, changes, answer }: Action,
  { closing, onError }: AppParts,
  once: OncePerKey<Answer>,
): Promise<Response> => {
  checkType(context);
  const id = context.req.param("id") ?? "";
  const body = await context.req.text();
  const signals = changes ? [closing] : [closing, context.req.raw.signal];
  const act = async (): Promise<Answer> => {
    try {
      return await withSignals(signals, (signal) => answer(parsed(body), id, signal));
    } catch (error) {
      return failedAnswer(error, (unexpected) => onError(unexpected, `POST ${path}`));
    }
  };
  if (!changes) return responseOf(await act());
  const key = context.req.header("idempotency-key");
  return responseOf(await once({ key, path: context.req.path, body }, act));
};

/** Adds the POST requests. */
export const addPostRoutes = (app: Hono, parts: AppParts): void => {
  const once = oncePerKey<Answer>();
  for (const action of actionsOf(parts)) {
    const onError = (): never => {
      const limit = `${action.maxBytes / megabyte} MB`;
      throw new HttpError("BODY_TOO_LARGE", `the body is longer than ${limit}; expected at most ${limit}`);
    };
    app.post(action.path, bodyLimit({ maxSize: action.maxBytes, onError }), (context) =>
      respond(context, action, parts, once),
    );
  }
};
