// Notices that the server is silent: a connection may be dead without an end.

/** The server says something at least every 10 seconds. */
const silenceMs = 25_000;

/** A connection under watch. */
export interface Watch {
  /** Aborts after a silence, and when another connection is wanted. */
  readonly signal: AbortSignal;
  /** The server said something. */
  readonly heard: () => void;
  /** Another connection is wanted. */
  readonly replace: () => void;
  readonly isReplaced: () => boolean;
  readonly end: () => void;
}

/** Begins to watch. */
export const watchSilence = (): Watch => {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isReplaced = false;
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(new Error("the console is silent")), silenceMs);
  };
  heard();
  return {
    signal: controller.signal,
    heard,
    replace: () => {
      isReplaced = true;
      controller.abort();
    },
    isReplaced: () => isReplaced,
    end: () => clearTimeout(timer),
  };
};
