// Random histories, played against one index together: each has keys of its own, and one search at the end tells.

import { decodeImage, decodeRecord, type StreamRecord } from "@sluice/core";
import { playHistory, type RandomHistory, randomHistory, type SpecimenItem } from "@sluice/testing";
import { documentText } from "../src/encode.ts";
import { documentId } from "../src/id.ts";
import type { OpensearchSink } from "../src/index.ts";
import { type Api, hitsOf, withoutGuard } from "./api.ts";
import { newContext } from "./written.ts";

/** Histories that are played at the same time. */
const players = 16;

/** One invocation: each item's last change stands for those before it, and what failed for a moment comes again. */
const invoke = async (sink: Pick<OpensearchSink, "write">, records: readonly StreamRecord[]): Promise<void> => {
  const byItem = new Map<string, ReturnType<typeof decodeRecord<SpecimenItem>>[]>();
  for (const record of records) {
    const change = decodeRecord<SpecimenItem>(record);
    byItem.set(change.itemKey, [...(byItem.get(change.itemKey) ?? []), change]);
  }
  let left = [...byItem.values()].map((changes) => {
    const change = changes[changes.length - 1] as (typeof changes)[number];
    return { change, message: change.after, earlier: changes.slice(0, -1) };
  });
  for (let tries = 0; left.length > 0 && tries < 20; tries += 1) {
    const settlements = await sink.write(left, newContext());
    const failed = new Set(settlements.filter(({ outcome }) => outcome === "failed").map(({ delivery }) => delivery));
    left = left.filter((delivery) => failed.has(delivery));
  }
  if (left.length > 0) throw new Error(`${left.length} deliveries failed twenty times`);
};

/** JSON with sorted members: the server's order is its own. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );

const expectedOf = ({ expected }: RandomHistory): [id: string, document: string][] =>
  [...expected.values()].map((image) => {
    const item = decodeImage(image) as unknown as SpecimenItem;
    return [documentId({ pk: item.pk, sk: item.sk }).id, canonical(JSON.parse(documentText(item)))];
  });

/** Plays the histories of these seeds, and returns the seeds of those that did not converge. */
export const divergingSeeds = async (
  sink: Pick<OpensearchSink, "write">,
  api: Api,
  index: string,
  seeds: readonly number[],
): Promise<readonly number[]> => {
  const histories = seeds.map((seed) => randomHistory(seed, { prefix: `h${seed}` }));
  const waiting = [...histories];
  const play = async (): Promise<void> => {
    for (let history = waiting.shift(); history !== undefined; history = waiting.shift()) {
      await playHistory(history, (records) => invoke(sink, records));
    }
  };
  await Promise.all(Array.from({ length: players }, play));
  const found = new Map<string, string[]>();
  for (const { _id, _source } of await hitsOf(api, index)) {
    const prefix = _id.slice(0, _id.indexOf("-") + 1);
    found.set(prefix, [...(found.get(prefix) ?? []), `${_id} ${canonical(withoutGuard(_source))}`]);
  }
  const isSame = (history: RandomHistory): boolean => {
    const documents = [...(found.get(`h${history.seed}-`) ?? [])].sort();
    const expected = expectedOf(history).map(([id, document]) => `${id} ${document}`);
    return JSON.stringify(documents) === JSON.stringify(expected.sort());
  };
  return histories.filter((history) => !isSame(history)).map(({ seed }) => seed);
};
