// A client whose scans return prepared pages, without the time of the SDK and of DynamoDB Local.

import type { ScanClient } from "@sluice/backfill";
import type { SdkItem } from "../films-table.ts";
import { type ScanAnswer, scanPage, segmentNumbers } from "./backfill-entrant.ts";

/** A page as JSON, and the place where it starts. */
interface PreparedPage {
  readonly place: string;
  readonly json: string;
}

/** A page has at most a megabyte: a thousand items of one kilobyte. */
const maxItems = 1_000;

const placeOf = (segment: number, after: unknown): string => `${segment} ${JSON.stringify(after)}`;

const pagesOf = async (client: ScanClient, table: string, segment: number): Promise<PreparedPage[]> => {
  const pages: PreparedPage[] = [];
  let after: SdkItem | undefined;
  do {
    const { Items = [], LastEvaluatedKey }: ScanAnswer = await scanPage(client, table, segment, after, maxItems);
    pages.push({ place: placeOf(segment, after), json: JSON.stringify({ Items, LastEvaluatedKey }) });
    after = LastEvaluatedKey;
  } while (after !== undefined);
  return pages;
};

/** Reads all pages of a table. */
export const preparedPages = async (client: ScanClient, table: string): Promise<readonly PreparedPage[]> =>
  (await Promise.all(segmentNumbers.map((segment) => pagesOf(client, table, segment)))).flat();

/** Creates a client that returns each page once. Its items are new objects, as those of the SDK are. */
export const preparedClient = (pages: readonly PreparedPage[]): ScanClient => {
  const answers = new Map(pages.map(({ place, json }) => [place, JSON.parse(json) as ScanAnswer]));
  return {
    scan: async ({ Segment, ExclusiveStartKey }) => {
      // An answer comes over the network, and so in another turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      return { ...answers.get(placeOf(Segment, ExclusiveStartKey)), ConsumedCapacity: { CapacityUnits: 1 } };
    },
  };
};
