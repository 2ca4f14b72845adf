// The runs of an event source mapping. A run lasts from a start of the mapping to the next stop.

/** One run of a mapping, from a start to a stop. */
export interface MappingRun {
  /** The run ends when this controller aborts. */
  readonly controller: AbortController;
  /** Resolves when every loop of the run has ended. Never rejects. */
  finished: Promise<void>;
  /** The error that ended the run, if the run was not stopped. */
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
  /** Starts a run if none is running. Resolves when the run has started. */
  readonly start: () => Promise<void>;
  /** Stops the run. Resolves when the run has ended. */
  readonly stop: () => Promise<void>;
  /** Returns the present run. Throws if the run has failed or was stopped. */
  readonly current: () => Run;
}

/** Creates the runs of a mapping. No run has started yet. */
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
