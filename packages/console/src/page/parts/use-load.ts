// Something that a screen reads from the server, with what is to be seen meanwhile.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** What was read. While it is read again, the former value stays. */
export interface Loaded<Value> {
  readonly value: Value | undefined;
  /** Why the last try failed. */
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

type State<Value> = Omit<Loaded<Value>, "reload"> & { readonly subject: string | undefined };

/**
 * Reads something, and again when `subject` changes; then the former value goes at once. Late answers are dropped.
 * @param subject names what is read; undefined: nothing.
 */
export const useLoad = <Value>(subject: string | undefined, load: () => Promise<Value>): Loaded<Value> => {
  const nothing: State<Value> = { subject, value: undefined, error: undefined, isLoading: subject !== undefined };
  const [state, setState] = useState<State<Value>>(nothing);
  const turn = useRef(0);
  const latest = useRef(load);
  latest.current = load;
  const reload = useCallback(() => {
    turn.current += 1;
    const own = turn.current;
    if (subject === undefined) return;
    const put = (change: Partial<State<Value>>): void => {
      if (own === turn.current) setState((before) => ({ ...before, ...change, subject }));
    };
    put({ isLoading: true });
    latest.current().then(
      (value) => put({ value, error: undefined, isLoading: false }),
      (error: unknown) => put({ error, isLoading: false }),
    );
  }, [subject]);
  useEffect(() => {
    setState(nothing);
    reload();
    return () => {
      turn.current += 1;
    };
  }, [reload]);
  return { ...(state.subject === subject ? state : nothing), reload };
};
