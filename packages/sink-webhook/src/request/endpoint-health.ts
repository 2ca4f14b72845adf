// What this environment knows about the endpoint's health. It lives in memory, one per sink and environment: an outage is
// learned anew by each, at the price of a few requests, and nothing has to be stored or shared.

/** When the circuit opens, and for how long. */
export interface CircuitOptions {
  /** Requests that get no answer, one after the other, before it opens. Default 5. */
  readonly failures?: number;
  /** Milliseconds until one request is let through to see; doubles while the outage lasts. Default 10,000. */
  readonly openMs?: number;
  /** Longest such time, in ms. Default 60,000. */
  readonly maxOpenMs?: number;
}

/** What a request told: the endpoint answered, or it did not, or the request ended before one could know. */
export type Reach = "answered" | "lost" | "unknown";

/** Leave to make one request. `end` must be called, once: it says what the request told. */
export interface Permit {
  readonly end: (reach: Reach) => void;
}

/** No leave. */
export interface Refusal {
  readonly because: "open" | "asked";
  /** Milliseconds until the next request may be made; undefined: as soon as the one that is out to see is back. */
  readonly waitMs: number | undefined;
}

export interface Circuit {
  /** Why no request for the item may be made now; undefined: it may. */
  readonly refusal: (item: string) => Refusal | undefined;
  /** Leave to make a request for the item. Ask `refusal` first. */
  readonly enter: (item: string) => Permit;
  /** The endpoint asked to be left alone for that long. */
  readonly pause: (ms: number) => void;
}

interface State {
  /** Requests without an answer since the last one with. */
  failures: number;
  /** How often it has opened since it was closed: 0 is closed. */
  openings: number;
  openUntil: number;
  pausedUntil: number;
  /** The one request that is out to see. */
  probe: Permit | undefined;
  /** The item whose probe failed last. It lets another one go first: were it poison, it would keep the others out. */
  suspect: string | undefined;
}

const refusalIn = (state: State, item: string, time: number): Refusal | undefined => {
  if (time < state.pausedUntil) return { because: "asked", waitMs: state.pausedUntil - time };
  if (state.openings === 0) return undefined;
  if (time < state.openUntil) return { because: "open", waitMs: state.openUntil - time };
  if (state.probe !== undefined) return { because: "open", waitMs: undefined };
  if (item !== state.suspect) return undefined;
  state.suspect = undefined;
  return { because: "open", waitMs: undefined };
};

/** A circuit that is closed. */
export const circuit = (options: Required<CircuitOptions>, now: () => number): Circuit => {
  const state: State = {
    failures: 0,
    openings: 0,
    openUntil: 0,
    pausedUntil: 0,
    probe: undefined,
    suspect: undefined,
  };
  const open = (item: string): void => {
    state.openUntil = now() + Math.min(options.maxOpenMs, options.openMs * 2 ** state.openings);
    state.openings += 1;
    state.suspect = item;
  };
  const learn = (permit: Permit, item: string, reach: Reach): void => {
    const wasProbe = state.probe === permit;
    if (wasProbe) state.probe = undefined;
    if (reach === "answered") Object.assign(state, { failures: 0, openings: 0, suspect: undefined });
    if (reach !== "lost") return;
    state.failures += 1;
    // Requests that were under way when the circuit opened tell nothing new.
    if (wasProbe || (state.openings === 0 && state.failures >= options.failures)) open(item);
  };
  return {
    refusal: (item) => refusalIn(state, item, now()),
    enter: (item) => {
      const permit: Permit = { end: (reach) => learn(permit, item, reach) };
      if (state.openings > 0) state.probe = permit;
      return permit;
    },
    pause: (ms) => {
      state.pausedUntil = Math.max(state.pausedUntil, now() + ms);
    },
  };
};
