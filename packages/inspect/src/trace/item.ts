// Reads the item in its table, and what each target holds of it.

import {
  type Comparison,
  comparableTargets,
  type ItemLook,
  lookAtItem,
  type RecordOrigin,
  spelledKeys,
} from "@sluice/backfill";
import { type Image, itemKeyOf, type PipelineTarget, wireImage } from "@sluice/core/envelope";
import { type Clock, type CopyContent, type SdkItem, sdkItem, systemClock } from "@sluice/core/sink-kit";
import { type Answer, ask, isAnswered, type Unanswered } from "../aws/answer.ts";
import type { HeldSight, TableSight, TargetSight } from "./story.ts";

/** The method of the SDK's client `DynamoDB` that reads an item. */
export interface GetItemClient {
  readonly getItem: (
    input: { readonly TableName: string; readonly Key: SdkItem; readonly ConsistentRead: true },
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<{ readonly Item?: unknown }>;
}

/** The table that the pipeline replicates. */
export interface TracedTable {
  readonly name: string;
  /** How requests name the table: its name or ARN. */
  readonly address: string;
  /** ARN of the table's present stream. */
  readonly streamArn: string;
  /** Names of the key attributes. */
  readonly keyNames: readonly string[];
}

/** The table, the item's key, and how to read. */
export interface ItemReading {
  readonly client: GetItemClient;
  readonly table: TracedTable;
  readonly keys: Image;
  readonly clock: Clock;
}

const readItem = async ({ client, table, keys }: ItemReading, signal: AbortSignal): Promise<Image | undefined> => {
  const input = { TableName: table.address, Key: sdkItem(keys), ConsistentRead: true } as const;
  const { Item } = await client.getItem(input, { abortSignal: signal });
  return Item === undefined ? undefined : wireImage(Item as Image);
};

/** Whether the table has the item. */
export const readTable = (reading: ItemReading): Promise<Answer<TableSight>> =>
  ask("dynamodb:GetItem", async (signal) => ({ exists: (await readItem(reading, signal)) !== undefined }));

/** An error whose name is its code, because the answer names the error, and a `SinkError` says more by its code. */
const namedByCode = (error: unknown): never => {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (error instanceof Error && typeof code === "string") {
    throw Object.assign(new Error(error.message, { cause: error }), { name: code });
  }
  throw error;
};

const differenceIn = (comparison: Comparison): Pick<HeldSight, "compared" | "difference" | "members" | "code"> => {
  const none = { difference: undefined, members: [], code: undefined };
  if ("error" in comparison) return { ...none, compared: "rejected", code: comparison.error.code };
  if ("same" in comparison) return { ...none, compared: comparison.same === "kept" ? "kept" : "equal" };
  const { class: difference, members } = comparison.difference;
  return { ...none, compared: "different", difference, members };
};

const heldOf = ({ comparison, held, exists, isSteady, isAhead }: ItemLook): HeldSight => ({
  state: held?.state ?? "absent",
  version: held?.version,
  ...differenceIn(comparison),
  exists,
  isSteady,
  isAhead,
});

const cannotRead: { readonly unanswered: Unanswered } = {
  unanswered: { action: "the sink's read", reason: "the sink cannot read its target" },
};

/** Reads the item from the table before and after the target, so that a change between the two is seen. */
const lookAtTarget = <Seen>(
  reading: ItemReading,
  target: PipelineTarget,
  see: (look: ItemLook) => Seen,
): Promise<Answer<Seen>> => {
  const { table, keys, clock } = reading;
  const origin: RecordOrigin = { run: "trace", streamArn: table.streamArn, keyNames: table.keyNames };
  return ask(`read access to the target of ${target.routes.join(", ")}`, async (signal) => {
    const read = async (): Promise<ReadonlyMap<string, Image>> => {
      const item = await readItem(reading, signal);
      return new Map(item === undefined ? [] : [[itemKeyOf(keys), item]]);
    };
    return see(await lookAtItem({ table: { read }, origin }, target, keys, { signal, clock }).catch(namedByCode));
  });
};

/** Looks at every target of the pipeline's upsert routes. */
export const lookAtTargets = (
  reading: ItemReading,
  targets: readonly PipelineTarget[],
  item: Answer<TableSight>,
): Promise<readonly TargetSight[]> => {
  const readable = new Set(comparableTargets(targets, undefined));
  return Promise.all(
    targets.map(async (target): Promise<TargetSight> => {
      const { routes } = target;
      if (!readable.has(target)) return { routes, held: cannotRead };
      return { routes, held: isAnswered(item) ? await lookAtTarget(reading, target, heldOf) : item };
    }),
  );
};

/** What a target holds of an item, and should hold: the members of the copy, each as text. */
export interface TargetContents {
  readonly routes: readonly string[];
  /** Undefined if the target shows no copy of the item. Without members if it shows one, and should show none. */
  readonly held: CopyContent | undefined;
  /** Undefined if the target should have no copy. */
  readonly expected: CopyContent | undefined;
  /** Why the contents, or a part of them, are unknown. */
  readonly problem?: string;
}

/** A sink reads the members that a delivery would write. Of an item that should have no copy, no delivery writes any. */
const unread = "the target holds a copy that it should not hold; its members are not known without an item to map";

const contentsOf = ({ held, expected }: ItemLook): Omit<TargetContents, "routes"> => {
  const contents = { held: held?.content, expected: undefined };
  if (held?.state === "hidden")
    return { ...contents, problem: "the target shows the copy of another item in its place" };
  // The pipeline may have loaded its own core, so the error's class says nothing.
  if (expected instanceof Error) return { ...contents, problem: `the target would refuse the item: ${expected.code}` };
  if (held?.state === "live" && expected === undefined) return { held: held.content ?? {}, expected, problem: unread };
  return { ...contents, expected };
};

/** Why the pipeline itself refuses the item. */
const refusalOf = ({ comparison, expected }: ItemLook): Pick<TargetContents, "problem"> =>
  "error" in comparison && expected === undefined
    ? { problem: `the pipeline refuses the item: ${comparison.error.code}` }
    : {};

/** Reads the item in its table, and the contents of its copies. @throws the error of the table */
export const readContents = async (
  options: Omit<ItemReading, "clock"> & { readonly signal: AbortSignal; readonly clock?: Clock },
  targets: readonly PipelineTarget[],
): Promise<{ readonly item: Image | undefined; readonly targets: readonly TargetContents[] }> => {
  const { signal, clock = systemClock } = options;
  const reading: ItemReading = { ...options, keys: spelledKeys(options.keys), clock };
  const item = await readItem(reading, signal);
  const readable = new Set(comparableTargets(targets, undefined));
  const looks = targets.map(async (target): Promise<TargetContents> => {
    const { routes } = target;
    const seen = readable.has(target)
      ? await lookAtTarget(reading, target, (look) => ({ ...contentsOf(look), ...refusalOf(look) }))
      : cannotRead;
    if ("value" in seen) return { routes, ...seen.value };
    return { routes, held: undefined, expected: undefined, problem: seen.unanswered.reason };
  });
  return { item, targets: await Promise.all(looks) };
};
