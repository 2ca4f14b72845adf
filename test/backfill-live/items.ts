// The items of the live tests, and which of them each route copies. What an item is depends on its revision, so that a
// change may make it another entity, or make it enter or leave a filter.

import type { PipelineOptions } from "@sluice/core";
import { type Image, sdkItem } from "@sluice/core/sink-kit";
import { type SpecimenItem, toImage } from "@sluice/testing";
import type { Random } from "../convergence/random.ts";

/** Revisions with the same rest by this number belong to the same entity and pass the same filters. */
export const classes = 12;

/** Whether the pipeline ignores the item, because its schema refuses its entity. */
const isIgnored = ({ revision }: SpecimenItem): boolean => revision % 4 === 3;

export const isOrder = ({ revision }: SpecimenItem): boolean => revision % 4 < 2;
export const isEvent = ({ revision }: SpecimenItem): boolean => revision % 4 === 2;

/** A filter that does not depend on the entity. */
export const isPicked = ({ revision }: SpecimenItem): boolean => revision % 3 !== 0;

/** Refuses the items of one entity. */
export const schema: NonNullable<PipelineOptions<SpecimenItem>["schema"]> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      isIgnored(value as SpecimenItem) ? { issues: [{ message: "another entity" }] } : { value: value as SpecimenItem },
  },
};

/** Returns the item as it is in a record of a stream. */
const revisionOf = (image: Image): SpecimenItem => {
  const { N = "0" } = (image.revision ?? {}) as { readonly N?: string };
  return { pk: "", sk: "", revision: Number(N) };
};

/** Whether the targets of the pipeline's routes show an item: an independent answer from the item's image. */
export const isShown = {
  whole: (image: Image): boolean => !isIgnored(revisionOf(image)),
  picked: (image: Image): boolean => !isIgnored(revisionOf(image)) && isPicked(revisionOf(image)),
} as const;

const notes: readonly [string, ...string[]] = [
  "",
  "plain",
  "日本語",
  "👩‍👩‍👧 family",
  'line\nend "quoted" \\',
  "é".repeat(90),
];
const amounts: readonly [string, ...string[]] = [
  "0",
  "-1.5",
  "9007199254740993",
  "12345678901234567890123456789012345678",
];
const payloads: readonly [object, ...object[]] = [
  {},
  { nothing: null, yes: true, list: [], map: {} },
  { tags: new Set(["b", "a", "ä"]), sizes: new Set([10, 9, -1]) },
  { bytes: new Uint8Array([0, 255, 10]), deep: [{ deeper: [{ deepest: "here" }] }] },
];

/** Returns an item with random attributes. */
export const randomItem = (random: Random, pk: string, revision: number): ReturnType<typeof sdkItem> => {
  const image: Record<string, Image[string]> = {
    ...toImage({ pk, sk: "1", revision, ...(random.chance(0.7) && { note: random.pick(notes) }) }),
    ...(random.chance(0.6) && { amount: { N: random.pick(amounts) } }),
    ...(random.chance(0.5) && toImage({ payload: random.pick(payloads) })),
  };
  return sdkItem(image);
};
