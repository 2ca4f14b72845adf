// Compares what a target holds of items with what it should hold.

import type { Expectation, PipelineTarget, StreamRecord } from "@sluice/core/envelope";
import {
  type Clock,
  type CopyContent,
  chunk,
  type DeliveryError,
  eachBounded,
  type HeldCopy,
  isSinkErrorCode,
  isTransient,
  type RecordError,
  type Sink,
  type UpsertDelivery,
  type WriteContext,
} from "@sluice/core/sink-kit";
import type { FindingClass } from "./classes.ts";

/** What a target should hold of an item, or why that is unknown. */
export interface Expected {
  readonly expectation: Expectation | undefined;
  readonly error: DeliveryError | undefined;
}

/** Difference between the copy and the item, as one look shows it. `stale` copies are `different` until others are compared. */
export interface Difference {
  readonly class: FindingClass;
  /** Names of members that differ. */
  readonly members: readonly string[];
}

/** Result of one comparison. */
export type Comparison =
  | { readonly same: "equal" | "hidden" | "kept" }
  | { readonly error: DeliveryError }
  | { readonly difference: Difference };

/** What calls of a sink need. */
export interface SinkCalls {
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

const maxAttempts = 5;
const firstDelayMs = 200;

/** The code of an error. The pipeline may have loaded its own core, so the error's class says nothing. */
const codeOf = (error: unknown): string => {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : "";
};

const contextOf = ({ signal }: SinkCalls): WriteContext => ({ signal, remainingMs: () => Number.POSITIVE_INFINITY });

/** Calls a sink. Repeats the call after a transient failure of the target. */
export const patiently = async <Result>(
  calls: SinkCalls,
  call: (context: WriteContext) => Promise<Result>,
): Promise<Result> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(contextOf(calls));
    } catch (error) {
      const code = codeOf(error);
      const mayPass = isSinkErrorCode(code) && isTransient(code) && !calls.signal.aborted;
      if (!mayPass || attempt === maxAttempts) throw error;
      await calls.clock.sleep(firstDelayMs * 2 ** attempt * (0.5 + calls.clock.random() / 2), calls.signal);
    }
  }
};

/** Asks a pipeline what a target should hold. @throws {RecordError} RECORD_FOREIGN when the table is not the pipeline's. */
export const expectedOf = (target: PipelineTarget, record: StreamRecord): Expected => {
  try {
    const expectation = target.expect(record);
    return { expectation, error: expectation.error };
  } catch (error) {
    if (codeOf(error) !== "RECORD_MALFORMED") throw error;
    return { expectation: undefined, error: error as RecordError };
  }
};

/** Deliveries in one call of a sink. */
const callSize = 1_000;

/** Calls of one kind that a page has in flight for a sink. While the target answers one, the next is prepared. */
const callsAtOnce = 2;

type Ask<Answer> = (
  sink: Sink<unknown, "upsert">,
  batch: readonly UpsertDelivery<unknown>[],
) => Promise<readonly Answer[]>;

/** Asks each sink for its own deliveries. The answers are in the order of `expected`; undefined where nothing was asked. */
const askSinks = async <Answer>(
  expected: readonly Expected[],
  isAsked: (expectation: Expectation) => boolean,
  ask: Ask<Answer>,
): Promise<(Answer | undefined)[]> => {
  const answers = new Array<Answer | undefined>(expected.length).fill(undefined);
  const questions = expected.flatMap(({ expectation, error }, position) =>
    expectation === undefined || error !== undefined || !isAsked(expectation)
      ? []
      : [{ position, sink: expectation.sink, delivery: expectation.delivery }],
  );
  for (const sink of new Set(questions.map((question) => question.sink))) {
    const own = questions.filter((question) => question.sink === sink);
    const parts = chunk(own, { maxEntries: callSize, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 });
    await eachBounded(parts, callsAtOnce, async (part) => {
      const batch = part.map(({ delivery }) => delivery);
      const given = await ask(sink, batch);
      for (const [index, { position }] of part.entries()) answers[position] = given[index];
    });
  }
  return answers;
};

/** Returns what the targets hold of items, in the order of `expected`. */
export const heldCopies = (expected: readonly Expected[], calls: SinkCalls): Promise<(HeldCopy | undefined)[]> =>
  askSinks(
    expected,
    () => true,
    (sink, batch) => patiently(calls, async (context) => (await sink.read?.(batch, context)) ?? []),
  );

/** Returns the contents that the copies should have, in the order of `expected`; undefined where no copy should be. */
export const expectedContents = (
  expected: readonly Expected[],
  calls: SinkCalls,
): Promise<(CopyContent | DeliveryError | undefined)[]> =>
  askSinks(
    expected,
    ({ delivery }) => delivery.message !== undefined,
    (sink, batch) => patiently(calls, async (context) => (await sink.canonical?.(batch, context)) ?? []),
  );

/** Whether two contents have the same members with equal texts. */
const isSame = (one: CopyContent, other: CopyContent): boolean => {
  let count = 0;
  for (const name in one) {
    if (one[name] !== other[name]) return false;
    count += 1;
  }
  for (const _ in other) count -= 1;
  return count === 0;
};

/** Returns the names of the members in which two contents differ. */
export const differingMembers = (one: CopyContent, other: CopyContent): string[] => {
  const names: string[] = [];
  for (const name in one) if (one[name] !== other[name]) names.push(name);
  for (const name in other) if (!Object.hasOwn(one, name)) names.push(name);
  return names.sort();
};

/** One item of one target, as a look shows it. */
export interface Sight {
  readonly expected: Expected;
  /** Content that the copy should have; or why the target would reject it. */
  readonly content: CopyContent | DeliveryError | undefined;
  readonly held: HeldCopy | undefined;
  /** Whether the item exists. */
  readonly exists: boolean;
}

const difference = (kind: FindingClass, members: readonly string[] = []): Comparison => ({
  difference: { class: kind, members },
});

const withoutCopy = (target: PipelineTarget, { held, exists }: Sight): Comparison => {
  if (held === undefined || held.state === "removed") return { same: "equal" };
  if (exists) return difference("unexpected");
  return target.deletesRemoved ? difference("ghost") : { same: "kept" };
};

/** Compares what a target holds of an item with what it should hold. */
export const compare = (target: PipelineTarget, sight: Sight): Comparison => {
  const { expected, content, held, exists } = sight;
  // A target that marks the copies of removed items rejects a removal without the item's old image.
  if (!exists && !target.deletesRemoved) return withoutCopy(target, sight);
  if (expected.error !== undefined) return { error: expected.error };
  if (expected.expectation?.delivery.message === undefined) return withoutCopy(target, sight);
  if (content instanceof Error) return { error: content };
  if (held === undefined) return difference("missing");
  if (held.state === "removed") return difference("wrongly-removed");
  if (held.state === "hidden") return { same: "hidden" };
  // The guard has a version, but another program has removed the copy.
  if (held.content === undefined) return difference("missing");
  const [expectedContent, heldContent] = [content ?? {}, held.content];
  // Without its version, a copy that is right now would be overwritten by any older change that still arrives.
  if (isSame(expectedContent, heldContent)) return held.version === "" ? difference("different") : { same: "equal" };
  return difference("different", differingMembers(expectedContent, heldContent));
};
