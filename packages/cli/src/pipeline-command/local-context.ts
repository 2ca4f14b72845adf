// The context of a handler that runs on this machine.

/** What a handler reads of its context. */
export interface LocalContext {
  readonly awsRequestId: string;
  readonly getRemainingTimeInMillis: () => number;
}

/** Returns a function that creates the context of an invocation. Each invocation may take `maxInvocationMs`. */
export const localContexts = (name: string, maxInvocationMs: number): (() => LocalContext) => {
  let invocations = 0;
  return () => {
    invocations += 1;
    const endsAt = Date.now() + maxInvocationMs;
    return {
      awsRequestId: `${name}-${invocations}`,
      getRemainingTimeInMillis: () => Math.max(0, endsAt - Date.now()),
    };
  };
};
