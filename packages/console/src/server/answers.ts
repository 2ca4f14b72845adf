// Answers as texts, so that an answer can be given twice.

import { errorAnswer } from "./http-error.ts";

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** An answer of JSON. Undefined is `null`, so that a page always gets JSON. */
export const jsonAnswer = (value: unknown): Answer => ({
  status: 200,
  type: "application/json",
  body: JSON.stringify(value ?? null),
});

/** An answer of lines of JSON. */
export const linesAnswer = (lines: readonly string[]): Answer => ({
  status: 200,
  type: "application/x-ndjson",
  body: lines.map((line) => `${line}\n`).join(""),
});

/** The answer for an error. `report` gets an unexpected error. */
export const failedAnswer = (error: unknown, report: (error: unknown) => void): Answer => {
  const { status, code, message, isUnexpected } = errorAnswer(error);
  if (isUnexpected) report(error);
  return { status, type: "application/json", body: JSON.stringify({ error: { code, message } }) };
};

/** Creates the response of an answer. */
export const responseOf = ({ status, type, body }: Answer): Response =>
  new Response(body, { status, headers: { "content-type": type } });
