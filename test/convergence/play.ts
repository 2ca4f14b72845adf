// Plays one random history through a real handler, as Lambda does. If a batch fails, it is retried from the lowest
// record that the handler reported. If the handler crashed, the whole batch is retried. Retries end at success.

import { type PipelineHandler, pipeline } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import { lambdaContext, type RandomHistory, type SpecimenItem, streamEvent } from "@sluice/testing";
import { deadLetterQueue, type TestDeadLetterQueue } from "./dead-letter-queue.ts";
import { Crash, type FaultySink, faultySink } from "./faulty-sink.ts";
import type { Random } from "./random.ts";
import type { Variant } from "./target.ts";

/** The filter of a history. After a change, an item may begin or cease to match the filter. */
type Predicate = (item: SpecimenItem) => boolean;

/** A history, and the settings with which it is played. */
export interface Play {
  readonly history: RandomHistory;
  readonly predicate: Predicate | undefined;
  readonly random: Random;
  /** Whether the sink injects no faults. The deliveries of the history may still contain repeats and crashes. */
  readonly isFaultless: boolean;
}

interface Stage {
  readonly faulty: FaultySink<unknown>;
  readonly queue: TestDeadLetterQueue;
  readonly random: Random;
  readonly handler: () => PipelineHandler;
  /** Starts a new execution environment in place of the current one. */
  readonly replaceHandler: () => void;
}

const silent = { info: () => undefined, warn: () => undefined };

const stageOf = (variant: Variant<unknown>, predicate: Predicate | undefined, random: Random): Stage => {
  const faulty = faultySink(variant.sink, random);
  const queue = deadLetterQueue(random);
  const make = (): PipelineHandler => {
    const options = {
      deadLetterQueue: queue.deadLetterQueue,
      logger: silent,
      retry: { maxAttempts: 2, firstDelayMs: 0 },
    };
    const base = pipeline<SpecimenItem>("convergence", options);
    const filtered = predicate === undefined ? base : base.when(predicate);
    const routed =
      variant.map === undefined ? filtered.to(faulty.sink as never) : filtered.to(faulty.sink, variant.map);
    return routed.handler();
  };
  let handler = make();
  return {
    faulty,
    queue,
    random,
    handler: () => handler,
    replaceHandler: () => {
      handler = make();
    },
  };
};

/** Waits for an invocation. If the invocation crashed, replaces the environment and returns undefined. */
const unlessCrashed = async <Answer>(stage: Stage, invocation: Promise<Answer>): Promise<Answer | undefined> => {
  try {
    return await invocation;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    stage.replaceHandler();
    return undefined;
  }
};

/** Invokes the handler with a batch. Returns the records that Lambda would send again. */
const invoke = async (stage: Stage, records: readonly StreamRecord[]): Promise<readonly StreamRecord[]> => {
  const answer = await unlessCrashed(stage, stage.handler()(streamEvent(records), lambdaContext()));
  if (answer === undefined) return records;
  const reported = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const checkpoint = records.findIndex(({ dynamodb }) => reported.has(dynamodb?.SequenceNumber ?? ""));
  if (checkpoint < 0 && reported.size > 0) throw new Error("the handler reported a record that is not in the batch");
  return checkpoint < 0 ? [] : records.slice(checkpoint);
};

const mostInvocations = 200;

/** Delivers records of one stream, with retries, until every record has succeeded. */
const deliver = async (stage: Stage, records: readonly StreamRecord[]): Promise<void> => {
  let left = records;
  for (let invocations = 0; left.length > 0; invocations += 1) {
    if (invocations === mostInvocations) throw new Error(`a batch did not succeed in ${mostInvocations} invocations`);
    left = await invoke(stage, left);
  }
};

/** Splits a batch into parts of one stream each, because an invocation never contains records of two streams. */
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
  stage.faulty.crashAfter(step.written);
  return invoke(stage, first);
};

const redriveAll = async (stage: Stage): Promise<void> => {
  for (let rounds = 0; stage.queue.size() > 0; rounds += 1) {
    if (rounds === mostInvocations) throw new Error(`dead letters were left after ${mostInvocations} redrives`);
    await unlessCrashed(stage, stage.queue.redrive(stage.handler()));
  }
};

/**
 * Plays the deliveries of a history, with faults. Resolves as soon as every record is delivered, every dead letter is
 * redriven, and every late write has reached the target.
 */
export const playThrough = async (
  { history, predicate, random, isFaultless }: Play,
  variant: Variant<unknown>,
): Promise<void> => {
  const stage = stageOf(variant, predicate, random);
  if (isFaultless) stage.faulty.stopFaults();
  for (const step of history.deliveries) {
    const lateWrites = random.chance(0.15) ? stage.faulty.releaseLateWrites() : undefined;
    await Promise.all([playStep(stage, step), lateWrites]);
    if (stage.queue.size() > 0 && random.chance(0.3)) await unlessCrashed(stage, stage.queue.redrive(stage.handler()));
  }
  stage.faulty.stopFaults();
  stage.queue.stopFaults();
  await stage.faulty.releaseLateWrites();
  await redriveAll(stage);
};
