// Lambda environments that can crash at any request: before the request has its effect, or between effect and response.

/** One environment of a function. After a crash, the promises of its requests never settle. */
export interface CrashingEnvironment {
  /** Sends a request. `effect` does what the request does outside the environment, for example in the target. */
  readonly request: <Value>(effect: () => Promise<Value> | Value) => Promise<Value>;
  /** Runs the work. Rejects if the environment crashes before the work is done. */
  readonly run: <Value>(work: () => Promise<Value>) => Promise<Value>;
  readonly hasCrashed: () => boolean;
}

/** When the environment crashes: before or after the effect of a request, or (undefined) not at this request. */
export type Crash = "before" | "after" | undefined;

const never = new Promise<never>(() => {});

/** Waits for this many ticks of the event loop, so that concurrent requests can run. */
const pause = async (ticks: number): Promise<void> => {
  for (let tick = 0; tick < ticks; tick += 1) await new Promise((resolve) => setImmediate(resolve));
};

export const crashingEnvironment = (crashes: () => Crash, ticks: () => number): CrashingEnvironment => {
  let isCrashed = false;
  let reportCrash: () => void = () => {};
  const crashed = new Promise<never>((_, reject) => {
    reportCrash = () => {
      isCrashed = true;
      reject(new Error("the environment crashed"));
    };
  });
  crashed.catch(() => {});
  const crash = (): Promise<never> => {
    reportCrash();
    return never;
  };
  return {
    hasCrashed: () => isCrashed,
    run: (work) => Promise.race([work(), crashed]),
    request: async (effect) => {
      if (isCrashed) return never;
      const how = crashes();
      if (how === "before") return crash();
      await pause(ticks());
      if (isCrashed) return never;
      const value = await effect();
      if (how === "after") return crash();
      return isCrashed ? never : value;
    },
  };
};
