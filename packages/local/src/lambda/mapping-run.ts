// The life of an event source mapping: one run from each start to the next stop.

/** The time from a start to a stop. */
export interface MappingRun {
  /** Its signal ends the run. */
  readonly controller: AbortController;
  /** Resolves when every loop of the run has ended. Never rejects. */
  finished: Promise<void>;
  /** The error that ended the run before it was stopped. */
  failure?: { readonly error: unknown };
}

/** Ends a run because of an error. */
export const failRun = (run: MappingRun, error: unknown, onProblem: (error: unknown) => void): void => {
  run.failure ??= { error };
  onProblem(error);
  run.controller.abort();
};

/** Starts and stops the runs of one mapping. */
export interface MappingRuns<Run extends MappingRun> {
  /** Starts a run unless one is running; resolves when the run has started. */
  readonly start: () => Promise<void>;
  /** Resolves when the run has ended. */
  readonly stop: () => Promise<void>;
  /** The run that is running. Throws when it has failed or stopped. */
  readonly current: () => Run;
}

/** Makes the runs of a mapping; none is running yet. */
export const mappingRuns = <Run extends MappingRun>(startRun: () => Promise<Run>): MappingRuns<Run> => {
  let starting: Promise<Run> | undefined;
  let started: Run | undefined;
  return {
    start: async () => {
      starting ??= startRun();
      try {
        started = await starting;
      } catch (error) {
        starting = undefined;
        throw error;
      }
    },
    stop: async () => {
      const run = await starting?.catch(() => undefined);
      run?.controller.abort();
      await run?.finished;
      started = undefined;
      starting = undefined;
    },
    current: () => {
      if (started?.failure) throw started.failure.error;
      if (started === undefined || started.controller.signal.aborted) {
        throw new Error("The mapping was stopped before it was drained.");
      }
      return started;
    },
  };
};
