// Plays one random history through real handlers, as Lambda does. If a batch fails, it is retried from the lowest
// record that the handler reported. If the handler crashed, the whole batch is retried. Retries end at success.

import { type PipelineHandler, pipeline } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import { lambdaContext, type RandomHistory, type SpecimenItem, streamEvent } from "@sluice/testing";
import { type BackfillPlan, startBackfills } from "./backfill.ts";
import { deadLetterQueue, type TestDeadLetterQueue } from "./dead-letter-queue.ts";
import { Crash, type FaultySink, faultySink } from "./faulty-sink.ts";
import type { Random } from "./random.ts";
import type { Target, Variant } from "./target.ts";

/** A filter. After a change, an item may begin or cease to match the filter. */
export type Predicate = (item: SpecimenItem) => boolean;

/**
 * The pipelines that read the stream. Each pipeline is a list of the filters of its routes; `undefined` is no filter. All
 * routes write to the same target, and no item matches two filters.
 */
export type Layout = readonly (readonly (Predicate | undefined)[])[];

/** A history, and the settings with which it is played. */
export interface Play {
  readonly history: RandomHistory;
  readonly layout: Layout;
  readonly random: Random;
  /** Whether the sink injects no faults. The deliveries of the history may still contain repeats and crashes. */
  readonly isFaultless: boolean;
  /** Backfills beside the history. Undefined: none. */
  readonly backfill?: BackfillPlan;
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

/** A pipeline to which routes are added without their types. */
interface UntypedPipeline {
  readonly when: (predicate: Predicate) => UntypedPipeline;
  readonly to: (...args: readonly unknown[]) => UntypedPipeline;
  readonly handler: () => PipelineHandler;
}

/** The queue, and the random numbers that the pipelines of a play share. */
type Shared = Pick<Stage, "queue" | "random">;

const stageOf = (
  variant: Variant<unknown>,
  name: string,
  predicates: Layout[number],
  { queue, random }: Shared,
): Stage => {
  const faulty = faultySink(variant.sink, random);
  const make = (): PipelineHandler => {
    const options = {
      deadLetterQueue: queue.deadLetterQueue,
      logger: silent,
      retry: { maxAttempts: 2, firstDelayMs: 0 },
    };
    const mapper = variant.map === undefined ? [] : [variant.map];
    let built = pipeline<SpecimenItem>(name, options) as unknown as UntypedPipeline;
    for (const [index, predicate] of predicates.entries()) {
      const filtered = predicate === undefined ? built : built.when(predicate);
      built = filtered.to(faulty.sink, ...mapper, { name: `route-${index}` });
    }
    return built.handler();
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

/** Offers messages to the handlers of all pipelines. A pipeline leaves the messages of other pipelines in the queue. */
const redrive = async (stages: readonly Stage[]): Promise<void> => {
  for (const stage of stages) {
    if (stage.queue.size() > 0) await unlessCrashed(stage, stage.queue.redrive(stage.handler()));
  }
};

const redriveAll = async (stages: readonly Stage[], { queue }: Shared): Promise<void> => {
  for (let rounds = 0; queue.size() > 0; rounds += 1) {
    if (rounds === mostInvocations) throw new Error(`dead letters were left after ${mostInvocations} redrives`);
    await redrive(stages);
  }
};

const recordsOf = (step: Step): readonly StreamRecord[] => {
  if (step.kind === "parallel") return step.batches.flat();
  return step.kind === "redrive" ? [step.record] : step.records;
};

/** Returns the deliveries without the records before the first one that the stream has. */
const deliveriesFrom = ({ records, deliveries }: RandomHistory, first: number): readonly Step[] => {
  const lost = new Set(records.slice(0, first));
  const left = (batch: readonly StreamRecord[]) => batch.filter((record) => !lost.has(record));
  return deliveries
    .map((step): Step => {
      if (step.kind === "parallel")
        return { ...step, batches: step.batches.map(left).filter(({ length }) => length > 0) };
      return step.kind === "redrive" ? step : { ...step, records: left(step.records) };
    })
    .filter((step) => left(recordsOf(step)).length > 0);
};

/**
 * Plays the deliveries of a history, with faults. Resolves as soon as every record is delivered, every dead letter is
 * redriven, and every late write has reached the target.
 */
export const playThrough = async (
  { history, layout, random, isFaultless, backfill }: Play,
  { purge = async () => undefined, ...variant }: Variant<unknown> & Pick<Target<unknown>, "purge">,
): Promise<void> => {
  const shared = { queue: deadLetterQueue(random), random };
  const stages = layout.map((predicates, index) => stageOf(variant, `pipeline-${index}`, predicates, shared));
  if (isFaultless) for (const { faulty } of stages) faulty.stopFaults();
  const backfills = backfill && (await startBackfills(history, backfill, stages, random));
  const first = backfill?.first ?? 0;
  for (const step of first === 0 ? history.deliveries : deliveriesFrom(history, first)) {
    const late = stages.filter(() => random.chance(0.15));
    await Promise.all([
      ...stages.map((stage) => playStep(stage, step)),
      ...late.map(({ faulty }) => faulty.releaseLateWrites()),
      backfills?.beside(recordsOf(step)),
      backfills && random.chance(0.05) && purge(),
    ]);
    if (shared.queue.size() > 0 && random.chance(0.3)) await redrive(stages);
  }
  for (const { faulty } of stages) faulty.stopFaults();
  shared.queue.stopFaults();
  await backfills?.finish();
  for (const { faulty } of stages) await faulty.releaseLateWrites();
  await redriveAll(stages, shared);
};
