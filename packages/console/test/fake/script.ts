// Failures of the fake host, and the record of its calls.

/** How calls of a method end. `hangs`: only when the signal aborts. */
export type FakeStep =
  /** The message, and the name of the error. Default `CommandError`, whose message the page shows. */
  { readonly rejects: string; readonly name?: string } | { readonly afterMs: number } | { readonly hangs: true };

/** A call of the fake host. */
export interface FakeCall {
  readonly method: string;
  readonly input: unknown;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });

/** An error as the commands throw it: the page shows its message. */
export const commandError = (message: string): Error => Object.assign(new Error(message), { name: "CommandError" });

/** Notes calls, and lets them fail as a test asks. */
export const fakeScript = () => {
  const calls: FakeCall[] = [];
  const steps = new Map<string, FakeStep>();
  let overviews = 0;
  return {
    calls,
    overviews: (): number => overviews,
    /** How all following calls of a method end; undefined: as usual. */
    set: (method: string, step: FakeStep | undefined): void => {
      if (step === undefined) steps.delete(method);
      else steps.set(method, step);
    },
    play: async <Value>(method: string, input: unknown, signal: AbortSignal, work: () => Value | Promise<Value>) => {
      // The console asks for the overview by itself, once a second.
      if (method === "overview") overviews++;
      else calls.push({ method, input });
      const step = steps.get(method);
      if (step !== undefined && "rejects" in step) {
        throw Object.assign(commandError(step.rejects), step.name === undefined ? {} : { name: step.name });
      }
      if (step !== undefined && "hangs" in step) return untilAborted(signal);
      if (step !== undefined) await wait(step.afterMs);
      return work();
    },
  };
};
