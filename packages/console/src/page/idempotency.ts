// Keys of actions. A double click is one action with one key, and so is the second try of an action without an answer.

/** How long an equal action counts as the second click of a double click, in milliseconds. */
export const doubleClickMs = 700;

/** How long the next try of an action without an answer has the key of the first, in milliseconds. */
export const retryMs = 60_000;

interface Attempt {
  readonly key: string;
  begunAt: number;
  /** Undefined after a try without an answer. */
  answer: Promise<unknown> | undefined;
  /** How long the attempt counts; undefined while it is under way. */
  keptMs: number | undefined;
}

/** Does each action once. */
export interface Actions {
  /**
   * Sends an action. If an equal action is under way, or was just begun, returns its answer instead.
   * @param name equal for equal actions: the path and the body.
   * @param hasAnswer whether an error is the server's answer. After any other error the next try has the same key.
   */
  readonly once: (
    name: string,
    send: (key: string) => Promise<unknown>,
    hasAnswer: (error: unknown) => boolean,
  ) => Promise<unknown>;
}

/** Creates `Actions` that have done nothing. */
export const createActions = (newKey: () => string, now: () => number): Actions => {
  const attempts = new Map<string, Attempt>();

  const forgetOld = (): void => {
    for (const [name, { begunAt, keptMs }] of attempts) {
      if (keptMs !== undefined && now() - begunAt > keptMs) attempts.delete(name);
    }
  };

  const follow = async (attempt: Attempt, answer: Promise<unknown>, hasAnswer: (error: unknown) => boolean) => {
    try {
      const value = await answer;
      attempt.keptMs = doubleClickMs;
      return value;
    } catch (error) {
      const isAnswered = hasAnswer(error);
      attempt.keptMs = isAnswered ? doubleClickMs : retryMs;
      if (!isAnswered) attempt.answer = undefined;
      throw error;
    }
  };

  return {
    once: (name, send, hasAnswer) => {
      forgetOld();
      const known = attempts.get(name);
      if (known?.answer !== undefined) return known.answer;
      const attempt: Attempt = { key: known?.key ?? newKey(), begunAt: now(), answer: undefined, keptMs: undefined };
      attempts.set(name, attempt);
      attempt.answer = follow(attempt, send(attempt.key), hasAnswer);
      return attempt.answer;
    },
  };
};
