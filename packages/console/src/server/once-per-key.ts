// Does an action once, however often its request comes: a double click, or a retry of a lost answer.

import { createHash } from "node:crypto";
import { HttpError } from "./http-error.ts";

/** How long an answer is repeated. */
const keptMs = 10 * 60_000;

/** What a request's key belongs to. */
export interface ActionRequest {
  /** The header `idempotency-key`. */
  readonly key: string | undefined;
  readonly path: string;
  readonly body: string;
}

interface Entry<Answer> {
  readonly digest: string;
  readonly answer: Promise<Answer>;
  readonly until: number;
}

/** Answers a request: with the answer of the first request of its key, if there was one. */
export type OncePerKey<Answer> = (request: ActionRequest, act: () => Promise<Answer>) => Promise<Answer>;

const checkKey = (key: string | undefined): string => {
  if (key !== undefined && /^[\w.:-]{8,128}$/.test(key)) return key;
  const found = key === undefined ? "nothing" : "another text";
  const expected = "8 to 128 letters, digits and -_.:, new for each action";
  throw new HttpError("INPUT_INVALID", `the header idempotency-key: expected ${expected}; found ${found}`);
};

/** Creates the memory of answers. It holds this many of them: then it forgets the oldest. */
export const oncePerKey = <Answer>(now: () => number = Date.now, most = 1_000): OncePerKey<Answer> => {
  const entries = new Map<string, Entry<Answer>>();

  /** Entries are in the order of their ends. */
  const forgetWhile = (isOver: (entry: Entry<Answer>) => boolean): void => {
    for (const [key, entry] of entries) {
      if (!isOver(entry)) return;
      entries.delete(key);
    }
  };
  return (request, act) => {
    const key = checkKey(request.key);
    const digest = createHash("sha256").update(`${request.path}\n${request.body}`).digest("base64");
    forgetWhile(({ until }) => until <= now());
    const known = entries.get(key);
    if (known === undefined) {
      forgetWhile(() => entries.size >= most);
      const answer = act();
      entries.set(key, { digest, answer, until: now() + keptMs });
      return answer;
    }
    if (known.digest === digest) return known.answer;
    const found = "the idempotency-key belongs to another request";
    throw new HttpError("KEY_REUSED", `${found}; expected a new key for each action`);
  };
};
