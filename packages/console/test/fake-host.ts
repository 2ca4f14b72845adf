// A console's world in memory, for tests: pipelines, changes, dead letters and runs that look like real ones.

import { createFeed } from "../src/feed/create-feed.ts";
import type {
  About,
  ChangeFeed,
  ConsoleHost,
  DeadLetterRow,
  Overview,
  PipelineNow,
  PipelineStatus,
  QueueAbout,
} from "../src/index.ts";
import { fakeChange, fakeMeasures, undecodedRow } from "./fake/changes.ts";
import { fakeDeadLetters, fakeDeadLetterView, fakeResult } from "./fake/dead-letters.ts";
import { fakeDoctor } from "./fake/doctor.ts";
import { fakeItemValues, fakeTrace } from "./fake/items.ts";
import { type FakeData, fakeAbout } from "./fake/places.ts";
import { fakeRandom } from "./fake/random.ts";
import { type FakePace, fakeCommand, fakeRuns } from "./fake/runs.ts";
import { commandError, type FakeCall, type FakeStep, fakeScript } from "./fake/script.ts";

export { canary } from "./fake/items.ts";
export { deploymentAbilities, type FakeData, scriptInKey } from "./fake/places.ts";

/** Options of `createFakeHost`. */
export interface FakeHostOptions {
  readonly data: FakeData;
  /** Default 1. */
  readonly seed?: number;
  /** Default `Date.now`. */
  readonly now?: () => number;
  /** New changes, each with a row for each route. Default 0. */
  readonly changesPerSecond?: number;
  /** Default: 20 steps of 100 ms. */
  readonly pace?: FakePace;
  /** Members of `about` that differ from those of a `sluice dev`. */
  readonly about?: Partial<About>;
}

/** The names of the methods that can fail on demand. */
export type FakeMethod = Exclude<keyof ConsoleHost, "about" | "onAbout" | "everyMs" | "feed" | "commandOf">;

/** A console's world in memory. */
export interface FakeHost {
  readonly host: ConsoleHost & { readonly feed: ChangeFeed };
  /** Every call that the console made, but those of `overview`. */
  readonly calls: readonly FakeCall[];
  /** How often the console asked for the overview. */
  readonly overviews: () => number;
  /** How all following calls of a method end; undefined: as usual. */
  readonly script: (method: FakeMethod, step: FakeStep | undefined) => void;
  /** The dead letters that are left. */
  readonly deadLetters: () => readonly DeadLetterRow[];
  /** Adds changes now. */
  readonly change: (count: number) => void;
  readonly setStatus: (pipeline: string, status: PipelineStatus, reason?: string) => void;
  readonly setAbout: (changes: Partial<About>) => void;
  readonly setPace: (pace: FakePace) => void;
  readonly stop: () => void;
}

const initialChanges: Record<FakeData, number> = { none: 0, little: 8, much: 2_500 };

/** The changes at the start came in the last 15 minutes. */
const historyMs = 15 * 60_000;

const tickMs = 50;

/** Creates a console's world in memory. The same seed and clock give the same data. */
export const createFakeHost = (options: FakeHostOptions): FakeHost => {
  const { data, seed = 1, now = Date.now, changesPerSecond = 0 } = options;
  const random = fakeRandom(seed);
  const script = fakeScript();
  const listeners = new Set<() => void>();
  let about = fakeAbout(data, options.about);
  let pace = options.pace ?? { steps: 20, stepMs: 100 };
  const { pipelines, queues } = about;
  let pastTime: number | undefined = now() - historyMs;
  const feed = createFeed({ clock: { now: () => pastTime ?? now() } });
  const began = now();
  let letters = fakeDeadLetters(data, random, began, { pipelines, queues });
  let changes = 0;

  const addChanges = (count: number): void => {
    const world = { data, random, pipelines };
    const at = pastTime ?? now();
    feed.add(Array.from({ length: count }, () => fakeChange(world, ++changes, at)).flat());
    feed.measure(fakeMeasures(pipelines, random, at));
  };
  for (let index = 0; index < initialChanges[data]; index++) {
    pastTime = Math.round(began - historyMs + (historyMs * index) / initialChanges[data]);
    addChanges(1);
  }
  pastTime = undefined;
  const [firstPipeline] = pipelines;
  if (data === "much" && firstPipeline !== undefined) feed.add([undecodedRow(firstPipeline, began)]);

  const statuses = new Map<string, PipelineNow>(
    pipelines.map(({ name }) => [name, { name, status: "running", since: began }]),
  );

  const sizes: Record<QueueAbout["kind"], number> = {
    "dead letters": 0,
    "retry queue": data === "none" ? 0 : 2,
    "on-failure destination": data === "much" ? 1 : 0,
  };
  const lettersIn = (queueUrl: string) => letters.filter((letter) => letter.queueUrl === queueUrl);
  const queueNow = (queue: QueueAbout) => ({
    ...queue,
    visible: queue.kind === "dead letters" ? lettersIn(queue.url).length : sizes[queue.kind],
    inFlight: 0,
    delayed: queue.kind === "retry queue" ? sizes[queue.kind] : 0,
  });
  const overview = (): Overview => ({
    at: now(),
    pipelines: [...statuses.values()],
    routes: feed.routes(
      pipelines.flatMap(({ name, routes }) => routes.map((route) => ({ pipeline: name, route: route.name }))),
    ),
    queues: queues.map(queueNow),
    problems: [],
  });

  const pipelineOf = (name: string) => {
    const found = pipelines.find((pipeline) => pipeline.name === name);
    if (found === undefined) throw commandError(`There is no pipeline ${name}`);
    return found;
  };
  const letterOf = (queueUrl: string, id: string): DeadLetterRow => {
    const found = lettersIn(queueUrl).find((letter) => letter.id === id);
    if (found === undefined) throw commandError(`The queue has no dead letter ${id}`);
    return found;
  };
  const remove = (ids: ReadonlySet<string>): void => {
    letters = letters.filter((letter) => !ids.has(letter.id));
  };

  const countRun = fakeRuns(data, () => pace);
  const run: ConsoleHost["run"] = (input, call) =>
    script.play("run", input, call.signal, async () => {
      const result = await countRun(input, call);
      if (input.kind !== "redrive" || result === undefined) return result;
      const wanted = lettersIn(input.queueUrl).filter(({ id }) => input.ids === undefined || input.ids.includes(id));
      const results = wanted.map((letter) => fakeResult(letter, false));
      if (input.isDryRun !== true) remove(new Set(results.filter((one) => !one.stays).map((one) => one.id)));
      const stay = results.filter((one) => one.stays).length;
      return {
        lines: [`${results.length - stay} delivered, ${stay} rejected`],
        isClean: stay === 0,
        counts: { delivered: results.length - stay, rejected: stay },
        deadLetters: results.slice(0, 1_000),
      };
    });

  let owed = 0;
  const ticker =
    changesPerSecond === 0
      ? undefined
      : setInterval(() => {
          owed += (changesPerSecond * tickMs) / 1_000;
          addChanges(Math.floor(owed));
          owed %= 1;
        }, tickMs);

  const tellAbout = (): void => {
    for (const listener of listeners) listener();
  };

  return {
    host: {
      about: () => about,
      onAbout: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      overview: (signal) => script.play("overview", undefined, signal, overview),
      feed,
      item: (question, signal) =>
        script.play("item", question, signal, () => fakeTrace(pipelineOf(question.pipeline), queues, question, now())),
      itemValues: (question, signal) =>
        script.play("itemValues", question, signal, () => fakeItemValues(pipelineOf(question.pipeline), question)),
      deadLetters: (queueUrl, signal) =>
        script.play("deadLetters", queueUrl, signal, () => ({
          queueUrl,
          rows: lettersIn(queueUrl),
          unsupported: data === "much" ? ["1 message is not of Sluice: its body is no JSON"] : [],
          hidden: data === "much" ? 12 : 0,
        })),
      deadLetter: (queueUrl, id, signal) =>
        script.play("deadLetter", { queueUrl, id }, signal, () => fakeDeadLetterView(letterOf(queueUrl, id))),
      editDeadLetter: (edit, signal) =>
        script.play("editDeadLetter", edit, signal, () => {
          const result = fakeResult(letterOf(edit.queueUrl, edit.id), true);
          remove(new Set([edit.id]));
          return result;
        }),
      exportDeadLetters: (selection, signal) =>
        script.play("exportDeadLetters", selection, signal, () =>
          selection.ids.map((id) => JSON.stringify(fakeDeadLetterView(letterOf(selection.queueUrl, id)))),
        ),
      dropDeadLetters: (selection, signal) =>
        script.play("dropDeadLetters", selection, signal, () => {
          const before = letters.length;
          remove(new Set(selection.ids));
          return {
            dropped: before - letters.length,
            left: selection.ids.length - (before - letters.length),
            file: ".sluice/dropped/2026-11-28T19-00-00.ndjson",
          };
        }),
      run,
      commandOf: fakeCommand,
      doctor: (signal) => script.play("doctor", undefined, signal, () => fakeDoctor(data, now())),
    },
    calls: script.calls,
    overviews: script.overviews,
    script: script.set,
    deadLetters: () => letters,
    change: addChanges,
    setStatus: (name, status, reason) => {
      statuses.set(name, { name, status, since: now(), ...(reason === undefined ? {} : { reason }) });
      tellAbout();
    },
    setAbout: (changed) => {
      about = { ...about, ...changed };
      tellAbout();
    },
    setPace: (changed) => {
      pace = changed;
    },
    stop: () => clearInterval(ticker),
  };
};
