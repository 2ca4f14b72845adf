// The place of a world's actions, and the command beside it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunStep } from "@sluice/console";
import { type Engines, openWorld, type World } from "../../../../test/trace/world.ts";
import { type ActionPlace, type Actions, actionsOf } from "../../src/actions/actions.ts";
import { type Ended, runSluice } from "../support/sluice.ts";

/** The module of the world's pipeline, for commands. */
export const modulePath: string = `${fileURLToPath(new URL("../../../../test/trace/orders.ts", import.meta.url))}#orders`;

export interface Bench {
  readonly world: World;
  readonly place: ActionPlace;
  readonly actions: Actions;
  readonly env: NodeJS.ProcessEnv;
  readonly command: (...args: string[]) => Promise<Ended>;
  readonly close: () => Promise<void>;
}

/** The answer after it crossed a process boundary. */
export const wire = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value));

/** Actions whose answers are as a page gets them. */
const wired = (actions: Actions): Actions =>
  Object.fromEntries(
    Object.entries(actions).map(([name, action]) => [
      name,
      async (...args: readonly unknown[]) => {
        const answer: unknown = await (action as (...args: readonly unknown[]) => unknown)(...args);
        return answer === undefined ? undefined : wire(answer);
      },
    ]),
  ) as unknown as Actions;

/** Opens a world, with its actions. */
export const openBench = async (engines: Engines, changes: Partial<ActionPlace> = {}): Promise<Bench> => {
  const world = await openWorld(engines);
  const directory = await mkdtemp(join(tmpdir(), "sluice-actions-"));
  const env = {
    DATABASE_URL: world.databaseUrl,
    REPLICA: world.replica,
    AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB_STREAMS: engines.dynamodb.endpoint,
    AWS_ENDPOINT_URL_SQS: engines.sqs.endpoint,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local-secret",
    AWS_REGION: "us-east-1",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  // The clients of the actions read them, as in the process of `sluice dev`.
  Object.assign(process.env, env);
  const pipeline = world.traceOptions("").pipeline as never;
  const queue = (kind: "retry queue" | "dead letters", url: string) => ({ pipeline: "orders", kind, name: kind, url });
  const place: ActionPlace = {
    module: { pipeline, exportName: "orders", exports: {}, close: async () => undefined },
    modulePath,
    table: world.name,
    functionName: undefined,
    queues: [queue("retry queue", world.retryQueue), queue("dead letters", world.deadLetters)],
    aws: {},
    directory,
    ...changes,
  };
  return {
    world,
    place,
    env,
    actions: { ...wired(actionsOf(place)), commandOf: actionsOf(place).commandOf },
    command: (...args) => runSluice(args, { env, cwd: directory }),
    close: async () => {
      await world.close();
      await rm(directory, { recursive: true });
    },
  };
};

export const never: AbortSignal = new AbortController().signal;

let runs = 0;

/** The call of a run that nothing stops. */
export const call = (signal: AbortSignal = never, onProgress: (progress: RunStep) => void = () => undefined) => {
  runs += 1;
  return { id: `run-${runs}`, signal, onProgress };
};
