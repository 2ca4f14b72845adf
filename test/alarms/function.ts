// A Lambda function by a fake clock: its environments, its faults, and what CloudWatch measures of a function.

import type { PipelineHandler } from "@sluice/core";
import type { Clock } from "@sluice/core/sink-kit";
import type { LambdaContext } from "@sluice/local";
import type { Metrics } from "./metrics.ts";

/** What happens to an invocation instead of its run. */
export type FunctionFault = "throttled" | "fails" | undefined;

export interface FakeFunction {
  readonly name: string;
  readonly handler: (event: unknown, context: LambdaContext) => Promise<unknown>;
  /** Decides on the fault of an invocation. */
  faultOf: (event: unknown) => FunctionFault;
  /** Replaces the environments, as a new version of the function does. */
  readonly deploy: () => void;
}

interface Environment {
  readonly handler: PipelineHandler;
  isBusy: boolean;
}

interface StreamEvent {
  readonly Records?: readonly { readonly dynamodb?: { readonly ApproximateCreationDateTime?: number } }[];
}

/** Age of the last record, as Lambda measures it. Undefined for an event of a queue. */
const iteratorAgeOf = (event: unknown, nowMs: number): number | undefined => {
  const seconds = (event as StreamEvent).Records?.at(-1)?.dynamodb?.ApproximateCreationDateTime;
  return seconds === undefined ? undefined : nowMs - seconds * 1_000;
};

/** Parts of a function. `newHandler` creates the handler of an environment. An invocation waits for an environment. */
export interface FunctionOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly environments: number;
  readonly newHandler: () => PipelineHandler;
}

export const fakeFunction = ({
  name,
  clock,
  metrics,
  environments: most,
  newHandler,
}: FunctionOptions): FakeFunction => {
  let environments: Environment[] = [];
  let running = 0;
  const put = (metric: string, value: number): void =>
    metrics.put({ namespace: "AWS/Lambda", metric, dimensions: { FunctionName: name } }, value);

  const waiting: (() => void)[] = [];
  // The one that has been idle for longest, so that each environment sees only some of the deliveries.
  const idleEnvironment = async (): Promise<Environment> => {
    if (environments.length < most) environments.unshift({ handler: newHandler(), isBusy: false });
    const index = environments.findIndex(({ isBusy }) => !isBusy);
    const [idle] = index < 0 ? [] : environments.splice(index, 1);
    if (idle === undefined) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return idleEnvironment();
    }
    environments.push(idle);
    return idle;
  };

  const run = async (event: unknown, context: LambdaContext, isFailing: boolean): Promise<unknown> => {
    const environment = await idleEnvironment();
    const startedAt = clock.now();
    environment.isBusy = true;
    running += 1;
    put("ConcurrentExecutions", running);
    try {
      if (isFailing) throw new Error("the function failed");
      const answer = await environment.handler(event, context);
      put("Errors", 0);
      return answer;
    } catch (error) {
      put("Errors", 1);
      throw error;
    } finally {
      put("Duration", clock.now() - startedAt);
      running -= 1;
      environment.isBusy = false;
      waiting.shift()?.();
    }
  };

  const fake: FakeFunction = {
    name,
    faultOf: () => undefined,
    deploy: () => {
      environments = [];
    },
    handler: async (event, context) => {
      const age = (event as { sluice?: unknown }).sluice === undefined ? iteratorAgeOf(event, clock.now()) : undefined;
      if (age !== undefined) put("IteratorAge", age);
      const fault = fake.faultOf(event);
      put("Throttles", fault === "throttled" ? 1 : 0);
      if (fault === "throttled") throw new Error("the function was throttled");
      put("Invocations", 1);
      return run(event, context, fault === "fails");
    },
  };
  return fake;
};
