// Measures the time from an event to acknowledged documents in OpenSearch. Compares the pipeline's handler with
// unguarded bulk requests of prepared NDJSON, with the bulk helper of the client, and with an npm package.

import { Client } from "@opensearch-project/opensearch";
import { type OpensearchEngine, startOpensearch } from "@sluice/local";
import { type PlainItem, streamEvent, streamRecord } from "@sluice/testing";
import { batched, filmsUpTo, keyAttribute, texts, voted } from "../films.ts";
import { table } from "../markdown.ts";
import { type Contender, compete, type Times } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Figures, Goal, Suite, SuiteOptions, SuiteReport } from "../suite.ts";
import {
  contentOf,
  type DocumentChange,
  dropIndex,
  type OpensearchEntrant,
  type OpensearchMaterial,
  type OpensearchMix,
} from "./opensearch-entrant.ts";
import { helpersBulk } from "./opensearch-helpers.ts";
import { peerPush } from "./opensearch-peer.ts";
import { rawBulk } from "./opensearch-raw.ts";
import { coldSluiceIndex, sluiceIndex } from "./opensearch-sluice.ts";

const mixes = ["insert", "update", "redelivered", "mixed"] as const satisfies readonly OpensearchMix[];
const peers = ["raw", "helpers-bulk", "dynamodb-stream-elasticsearch"] as const;

const goals: Readonly<Record<string, Goal>> = {
  "opensearch/insert/vs-raw": { atLeast: 0.9 },
  "opensearch/update/vs-raw": { atLeast: 0.75 },
  "opensearch/redelivered/vs-raw": { atLeast: 1 },
};

/** The item before and after a change. */
interface ItemChange {
  readonly before?: PlainItem;
  readonly after?: PlainItem;
}

/** Of every ten films, three are inserted, six get one more vote, and one is removed. */
const mixedStep = (film: PlainItem, index: number, count: number): ItemChange => {
  const before = voted(film);
  if (index % 10 < 3) return { after: { ...film, [keyAttribute]: count + index + 1 } };
  return index % 10 === 9 ? { before } : { before, after: voted(before) };
};

const eventTexts = (steps: readonly ItemChange[], batchSize: number, lastPosition: number): string[] => {
  const records = steps.map((step, index) =>
    streamRecord({ ...step, position: lastPosition + index + 1, keyNames: [keyAttribute], tableName: "Films" }),
  );
  return texts(batched(records, batchSize).map(streamEvent));
};

const changeOf = ({ before = {}, after }: ItemChange): DocumentChange => ({
  film: after ?? before,
  isRemoved: after === undefined,
});

const materialOf = async ({ batchSize, batches }: SuiteOptions): Promise<OpensearchMaterial> => {
  const count = batchSize * batches;
  const films = await filmsUpTo(count);
  const updates: ItemChange[] = films.map((film) => ({ before: film, after: voted(film) }));
  const steps: Readonly<Record<OpensearchMix, readonly ItemChange[]>> = {
    insert: films.map((film) => ({ after: film })),
    update: updates,
    redelivered: updates,
    mixed: films.map((film, index) => mixedStep(film, index, count)),
  };
  const positions: Readonly<Record<OpensearchMix, number>> = {
    insert: 0,
    update: count,
    redelivered: count,
    mixed: 2 * count,
  };
  const perMix = <Value>(compute: (mix: OpensearchMix) => Value) =>
    Object.fromEntries(mixes.map((mix) => [mix, compute(mix)])) as Record<OpensearchMix, Value>;
  return {
    events: perMix((mix) => eventTexts(steps[mix], batchSize, positions[mix])),
    changes: perMix((mix) => batched(steps[mix].map(changeOf), batchSize)),
  };
};

/** Refreshes the index before every mix except `insert`, because OpenSearch refreshes it every second in production. */
const contenderOf = (client: Client, { name, index, reset, prepare }: OpensearchEntrant): Contender<OpensearchMix> => ({
  name,
  reset,
  begin: async (mix) => {
    if (mix !== "insert") await client.transport.request({ method: "POST", path: `/${index}/_refresh` });
  },
  prepare,
});

/** @throws if the contenders left different documents, because a comparison needs equal work */
const assertSameContent = async (
  client: Client,
  entrants: readonly OpensearchEntrant[],
  expected: number,
): Promise<void> => {
  const contents: string[][] = [];
  for (const { index } of entrants) contents.push(await contentOf(client, index));
  const counts = contents.map(({ length }) => length);
  if (new Set(contents.map((documents) => documents.join())).size !== 1 || counts[0] !== expected) {
    throw new Error(
      `the contenders left different documents, or a number other than ${expected}: ${counts.join(", ")}`,
    );
  }
};

/** Returns the number of documents that exist after the mix `mixed`. */
const documentsLeft = ({ changes }: OpensearchMaterial, count: number): number => {
  const mixed = changes.mixed.flat();
  const removed = mixed.filter(({ isRemoved }) => isRemoved).length;
  return count - removed + mixed.filter(({ film }) => Number(film[keyAttribute]) > count).length;
};

const figuresOf = (times: Times<OpensearchMix>, records: number): Figures => {
  const figures: Record<string, number> = {};
  for (const mix of mixes) {
    const took = times.median("sluice", mix);
    figures[`opensearch/${mix}/cold/vs-raw`] = rounded(times.median("raw", mix) / times.median("sluice-cold", mix));
    for (const peer of peers) figures[`opensearch/${mix}/vs-${peer}`] = rounded(times.median(peer, mix) / took);
    figures[`opensearch/${mix}/records-per-second`] = Math.round((1000 * records) / took);
  }
  return figures;
};

const timeTable = (times: Times<OpensearchMix>, names: readonly string[], records: number): string[] =>
  table(
    ["", ...mixes.flatMap((mix) => [`${mix}, records/s`, "rounds"])],
    names.map((name) => [
      name,
      ...mixes.flatMap((mix) => [Math.round((1000 * records) / times.median(name, mix)), spread(times.of(name, mix))]),
    ]),
  );

const measure = async ({ url }: OpensearchEngine, client: Client, options: SuiteOptions): Promise<SuiteReport> => {
  const material = await materialOf(options);
  const entrants = [
    sluiceIndex(client, material),
    coldSluiceIndex(client, material),
    rawBulk(client, material),
    helpersBulk(client, material),
    peerPush(client, url, material),
  ];
  const contenders = entrants.map((entrant) => contenderOf(client, entrant));
  const times = await compete(contenders, { ...options, mixes, warmups: 3 });
  const records = options.batchSize * options.batches;
  await assertSameContent(client, entrants, documentsLeft(material, records));
  for (const { index } of entrants) await dropIndex(client, index);
  const { body } = await client.info();
  const run = `${options.rounds} rounds of ${options.batches} batches of ${options.batchSize} records; OpenSearch ${body.version.number}`;
  const names = contenders.map(({ name }) => name);
  return { figures: figuresOf(times, records), goals, lines: [run, "", ...timeTable(times, names, records)] };
};

/** The suite that compares the pipeline's writes to OpenSearch with other clients. */
export const opensearchSuite: Suite = {
  name: "opensearch",
  run: async (options) => {
    const engine = await startOpensearch({ javaFlags: [] });
    const client = new Client({ node: engine.url });
    try {
      return await measure(engine, client, options);
    } finally {
      await client.close();
      await engine.stop();
    }
  },
};
