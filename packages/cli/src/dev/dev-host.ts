// The world behind the console of `sluice dev`: the pipelines that run on this machine.

import type {
  About,
  ChangeFeed,
  ConsoleHost,
  DoctorView,
  Overview,
  PipelineAbout,
  PipelineNow,
  QueueAbout,
  QueueNow,
  RunCall,
  RunInput,
  RunStep,
} from "@sluice/console";
import type { DevPipeline, DevReports, DevRun } from "@sluice/dev";
import { actionsOf } from "../actions/actions.ts";
import { CommandError } from "../command-line/command-error.ts";
import { messageOf } from "../terminal/format.ts";
import type { MethodInputs, MethodResult } from "./methods.ts";

/** What the host needs. */
export interface DevHostOptions {
  readonly run: DevRun;
  readonly feed: ChangeFeed;
  readonly version: string;
  readonly directory: string;
}

const pipelineAbout = ({ name, table, keyNames, keyTypes, routes }: DevPipeline): PipelineAbout => ({
  name,
  table,
  keyNames,
  keyTypes,
  routes,
});

const pipelineNow = ({ name, status, reason, since }: DevPipeline): PipelineNow => ({
  name,
  status,
  since,
  ...(reason !== undefined && { reason }),
});

/** Adds what the process of a pipeline reports to the feed. */
export const feedReports = (feed: ChangeFeed, { pipeline, deliveries, invocations }: DevReports): void => {
  feed.add(deliveries.map((delivery) => ({ ...delivery, pipeline })));
  feed.measure(
    invocations.flatMap(({ routes, endedAt }) =>
      Object.entries(routes).map(([route, { lagMs, pending, pendingAgeMs }]) => ({
        pipeline,
        route,
        at: endedAt,
        lagMs,
        pending,
        pendingAgeMs,
      })),
    ),
  );
};

const queueNow = async (run: DevRun, queue: QueueAbout): Promise<QueueNow> => {
  try {
    return { ...queue, ...(await run.depthOf(queue.url)) };
  } catch (error) {
    return { ...queue, visible: 0, inFlight: 0, delayed: 0, problem: messageOf(error) };
  }
};

const titleOf = (pipelines: readonly DevPipeline[]): string => pipelines.map(({ module }) => module).join(", ");

/** On one machine a change reaches its targets at once. In a deployment the default of a minute covers a lag. */
const graceSeconds = 2;

const withGrace = (input: RunInput): RunInput => (input.kind === "verify" ? { graceSeconds, ...input } : input);

/** One report of all pipelines. */
const together = (views: readonly DoctorView[]): DoctorView => {
  const sumOf = (level: keyof DoctorView["counts"]): number =>
    views.reduce((sum, { counts }) => sum + counts[level], 0);
  const problems = views.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`]));
  return {
    at: views[0]?.at ?? new Date().toISOString(),
    subject: views.map(({ subject }) => subject).join(", "),
    findings: views.flatMap(({ findings }) => findings),
    counts: { fail: sumOf("fail"), warn: sumOf("warn"), unknown: sumOf("unknown") },
    checked: [...new Set(views.flatMap(({ checked }) => checked))],
    ...(problems.length > 0 && { problem: problems.join("; ") }),
  };
};

const can: About["can"] = {
  changes: true,
  item: true,
  redrive: true,
  editDeadLetter: true,
  dropDeadLetters: true,
  runs: ["backfill", "verify", "redrive"],
  doctor: true,
};

const aboutRun = (run: DevRun, version: string): About => ({
  mode: "dev",
  title: titleOf(run.pipelines()),
  version,
  pipelines: run.pipelines().map(pipelineAbout),
  queues: run.queues(),
  engines: run.engines(),
  can,
  hidesKeys: false,
});

const overviewOf = async (run: DevRun, feed: ChangeFeed): Promise<Overview> => {
  const pipelines = run.pipelines();
  const known = pipelines.flatMap(({ name, routes }) => routes.map((route) => ({ pipeline: name, route: route.name })));
  return {
    at: Date.now(),
    pipelines: pipelines.map(pipelineNow),
    routes: feed.routes(known),
    queues: await Promise.all(run.queues().map((queue) => queueNow(run, queue))),
    problems: [],
  };
};

/** A call of a method. */
interface HostCall<Name extends keyof MethodInputs> extends Pick<RunCall, "signal"> {
  readonly method: Name;
  readonly input: MethodInputs[Name];
  readonly onProgress?: (progress: RunStep) => void;
}

/** Calls a method in the process of the pipeline. */
const call = async <Name extends keyof MethodInputs>(
  run: DevRun,
  pipeline: string,
  { method, input, signal, onProgress }: HostCall<Name>,
): Promise<MethodResult<Name>> =>
  (await run.call(pipeline, method, input, {
    signal,
    onProgress: (progress) => onProgress?.(progress as RunStep),
  })) as MethodResult<Name>;

const pipelineOf = (run: DevRun, queueUrl: string): string => {
  const queue = run.queues().find(({ url }) => url === queueUrl);
  if (queue !== undefined) return queue.pipeline;
  throw new CommandError(`there is no queue ${queueUrl}; expected one of the queues of the pipelines`);
};

const commandOf = (run: DevRun, directory: string, input: RunInput): string => {
  const found = run.pipelines().find(({ name }) => name === input.pipeline);
  const actions = actionsOf({
    module: undefined,
    modulePath: found?.module,
    table: found?.table,
    functionName: undefined,
    queues: run.queues(),
    aws: { profile: undefined, region: undefined, endpointUrl: undefined },
    environment: found?.environment,
    directory,
  });
  return actions.commandOf(withGrace(input));
};

type DeadLetterMembers = "deadLetters" | "deadLetter" | "editDeadLetter" | "exportDeadLetters" | "dropDeadLetters";

const deadLettersOf = (run: DevRun): Pick<ConsoleHost, DeadLetterMembers> => {
  const of = (queueUrl: string): string => pipelineOf(run, queueUrl);
  return {
    deadLetters: async (queueUrl, signal) =>
      call(run, of(queueUrl), { method: "deadLetters", input: { queueUrl }, signal }),
    deadLetter: async (queueUrl, id, signal) =>
      call(run, of(queueUrl), { method: "deadLetter", input: { queueUrl, id }, signal }),
    editDeadLetter: async (edit, signal) =>
      call(run, of(edit.queueUrl), { method: "editDeadLetter", input: edit, signal }),
    exportDeadLetters: async (chosen, signal) =>
      call(run, of(chosen.queueUrl), { method: "exportDeadLetters", input: chosen, signal }),
    dropDeadLetters: async (chosen, signal) =>
      call(run, of(chosen.queueUrl), { method: "dropDeadLetters", input: chosen, signal }),
  };
};

const doctorOf = async (run: DevRun, signal: AbortSignal): Promise<DoctorView> => {
  const names = run.pipelines().map(({ name }) => name);
  return together(await Promise.all(names.map((name) => call(run, name, { method: "doctor", input: null, signal }))));
};

/** Creates the host of the console. */
export const devHost = ({ run, feed, version, directory }: DevHostOptions): ConsoleHost => ({
  about: () => aboutRun(run, version),
  onAbout: (listener) => run.onChange(listener),
  overview: () => overviewOf(run, feed),
  feed,
  item: (question, signal) => call(run, question.pipeline, { method: "item", input: question, signal }),
  itemValues: (question, signal) => call(run, question.pipeline, { method: "itemValues", input: question, signal }),
  ...deadLettersOf(run),
  // A run that was paused has no result, and JSON has no undefined.
  run: async (asked, { id, earlier, ...how }) => {
    const input = { id, input: withGrace(asked), ...(earlier && { earlier }) };
    return (await call(run, asked.pipeline, { method: "run", input, ...how })) ?? undefined;
  },
  commandOf: (input) => commandOf(run, directory, input),
  doctor: (signal) => doctorOf(run, signal),
});
