// Plays one random history through a real handler, as Lambda would: a batch comes again from the lowest record that was
// reported, or whole when the invocation died, until it is done.

import { type PipelineHandler, pipeline } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import { lambdaContext, type RandomHistory, type SpecimenItem, streamEvent } from "@sluice/testing";
import { deadLetterQueue, type TestDeadLetterQueue } from "./dead-letter-queue.ts";
import { type Adversary, adversaryOf, Crash } from "./faulty-sink.ts";
import type { Random } from "./random.ts";
import type { Way } from "./target.ts";

/** Which items have a copy: some histories have a filter that items enter and leave. */
type Predicate = (item: SpecimenItem) => boolean;

/** A history, and how it is played. */
export interface Play {
  readonly history: RandomHistory;
  readonly predicate: Predicate | undefined;
  readonly random: Random;
  /** Nothing goes wrong but what the deliveries say. */
  readonly isCalm: boolean;
}

interface Stage {
  readonly adversary: Adversary<unknown>;
  readonly queue: TestDeadLetterQueue;
  readonly random: Random;
  readonly handler: () => PipelineHandler;
  /** A new environment, with a cold start. */
  readonly replaceHandler: () => void;
}

const silent = { info: () => undefined, warn: () => undefined };

const stageOf = (way: Way<unknown>, predicate: Predicate | undefined, random: Random): Stage => {
  const adversary = adversaryOf(way.sink, random);
  const queue = deadLetterQueue(random);
  const make = (): PipelineHandler => {
    const options = {
      deadLetterQueue: queue.deadLetterQueue,
      logger: silent,
      retry: { maxAttempts: 2, firstDelayMs: 0 },
    };
    const base = pipeline<SpecimenItem>("convergence", options);
    const filtered = predicate === undefined ? base : base.when(predicate);
    const routed = way.map === undefined ? filtered.to(adversary.sink as never) : filtered.to(adversary.sink, way.map);
    return routed.handler();
  };
  let handler = make();
  return {
    adversary,
    queue,
    random,
    handler: () => handler,
    replaceHandler: () => {
      handler = make();
    },
  };
};

/** Runs an invocation; undefined when it crashed, in which case its environment is gone. */
const survived = async <Answer>(stage: Stage, invocation: Promise<Answer>): Promise<Answer | undefined> => {
  try {
    return await invocation;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    stage.replaceHandler();
    return undefined;
  }
};

/** What of the batch comes again. */
const invoke = async (stage: Stage, records: readonly StreamRecord[]): Promise<readonly StreamRecord[]> => {
  const answer = await survived(stage, stage.handler()(streamEvent(records), lambdaContext()));
  if (answer === undefined) return records;
  const reported = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const checkpoint = records.findIndex(({ dynamodb }) => reported.has(dynamodb?.SequenceNumber ?? ""));
  if (checkpoint < 0 && reported.size > 0) throw new Error("the handler reported a record that is not in the batch");
  return checkpoint < 0 ? [] : records.slice(checkpoint);
};

const mostInvocations = 200;

/** Delivers records of one stream until Lambda would go on. */
const deliver = async (stage: Stage, records: readonly StreamRecord[]): Promise<void> => {
  let left = records;
  for (let invocations = 0; left.length > 0; invocations += 1) {
    if (invocations === mostInvocations) throw new Error(`a batch was not done after ${mostInvocations} invocations`);
    left = await invoke(stage, left);
  }
};

/** An invocation has records of one stream only, and the batch may be from before and after it was re-created. */
const byStream = (records: readonly StreamRecord[]): StreamRecord[][] => {
  const groups: StreamRecord[][] = [];
  for (const record of records) {
    const last = groups.at(-1);
    if (last?.[0]?.eventSourceARN === record.eventSourceARN) last?.push(record);
    else groups.push([record]);
  }
  return groups;
};

const deliverAll = async (stage: Stage, records: readonly StreamRecord[]): Promise<void> => {
  for (const group of byStream(records)) await deliver(stage, group);
};

type Step = RandomHistory["deliveries"][number];

const playStep = async (stage: Stage, step: Step): Promise<unknown> => {
  if (step.kind === "parallel") return Promise.all(step.batches.map((records) => deliverAll(stage, records)));
  if (step.kind === "redrive") return deliver(stage, [step.record]);
  if (step.kind === "batch") return deliverAll(stage, step.records);
  const [first = []] = byStream(step.records);
  stage.adversary.crashAfter(step.written);
  return invoke(stage, first);
};

const redriveAll = async (stage: Stage): Promise<void> => {
  for (let rounds = 0; stage.queue.size() > 0; rounds += 1) {
    if (rounds === mostInvocations) throw new Error(`dead letters were left after ${mostInvocations} redrives`);
    await survived(stage, stage.queue.redrive(stage.handler()));
  }
};

/**
 * Plays a history's deliveries, with mishaps in between; resolves when every record was delivered, every dead letter was
 * redriven and every late write has arrived.
 */
export const playThrough = async ({ history, predicate, random, isCalm }: Play, way: Way<unknown>): Promise<void> => {
  const stage = stageOf(way, predicate, random);
  if (isCalm) stage.adversary.calm();
  for (const step of history.deliveries) {
    const beside = random.chance(0.15) ? stage.adversary.releaseZombies() : undefined;
    await Promise.all([playStep(stage, step), beside]);
    if (stage.queue.size() > 0 && random.chance(0.3)) await survived(stage, stage.queue.redrive(stage.handler()));
  }
  stage.adversary.calm();
  stage.queue.calm();
  await stage.adversary.releaseZombies();
  await redriveAll(stage);
};
