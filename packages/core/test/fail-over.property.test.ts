// A global table fails over to another region and back. Changes may be in the streams of both regions.

import { expect, test } from "@jest/globals";
import { lambdaContext, memoryUpsertSink, type PlainItem, sqsEvent, streamEvent, streamRecord } from "@sluice/testing";
import fc from "fast-check";
import { encodeEnvelope, type StreamRecord } from "../src/envelope.ts";
import { pipeline } from "../src/index.ts";
import type { Source } from "../src/record/source.ts";
import { systemClock } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";

const regions = ["eu-west-1", "us-east-1"] as const;
type Region = 0 | 1;

const arnOf = (region: Region): string => `arn:aws:dynamodb:${regions[region]}:123456789012:table/orders`;
const other = (region: Region): Region => (region === 0 ? 1 : 0);

const hourMs = 3_600_000;
const start = Date.parse("2026-11-27T00:00:00Z");
const isoAt = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/**
 * One step of a history. `write` puts an item, `remove` removes an item, `move` makes the other region the writer. If a
 * change is not replicated, the other region's event source mapping was off, and the stream's records were trimmed.
 */
type Step =
  | { readonly kind: "write" | "remove"; readonly item: number; readonly isReplicated: boolean }
  | { readonly kind: "move" }
  | { readonly kind: "recreate"; readonly region: Region };

/** The stream of one region. */
interface Stream {
  label: string;
  sequence: bigint;
}

interface History {
  readonly records: readonly StreamRecord[];
  readonly source: readonly Source[];
  readonly expected: ReadonlyMap<string, number>;
}

/** Plays the steps. Each step takes a minute, and a change reaches the other region half a minute later. */
const historyOf = (steps: readonly Step[], sequences: readonly [bigint, bigint]): History => {
  const streams: [Stream, Stream] = [
    { label: "2026-01-05T00:00:00.000", sequence: sequences[0] },
    { label: "2026-01-07T00:00:00.000", sequence: sequences[1] },
  ];
  const records: StreamRecord[] = [];
  const source: Source[] = [{ table: arnOf(0) }];
  const items = new Map<string, PlainItem>();
  let writer: Region = 0;
  let now = start;

  const record = (region: Region, at: number, images: { readonly before?: PlainItem; readonly after?: PlainItem }) => {
    const stream = streams[region];
    stream.sequence += 7n;
    const sequenceNumber = String(stream.sequence);
    const made = streamRecord({ ...images, sequenceNumber, createdAt: isoAt(at) });
    const eventSourceARN = `${arnOf(region)}/stream/${stream.label}`;
    records.push({ ...made, eventID: `${regions[region]} ${stream.label} ${sequenceNumber}`, eventSourceARN });
  };
  const change = (item: number, isRemoval: boolean, isReplicated: boolean, revision: number): void => {
    const pk = `item-${item}`;
    const before = items.get(pk);
    const after = isRemoval ? undefined : { pk, sk: "1", revision };
    if (before === undefined && after === undefined) return;
    if (after === undefined) items.delete(pk);
    else items.set(pk, after);
    const images = { ...(before && { before }), ...(after && { after }) };
    record(writer, now, images);
    if (isReplicated) record(other(writer), now + 30_000, images);
  };
  steps.forEach((step, index) => {
    now += 60_000;
    if (step.kind === "move") {
      writer = other(writer);
      source.push({ table: arnOf(writer), since: isoAt(now) });
    } else if (step.kind === "recreate") {
      streams[step.region] = { label: new Date(now).toISOString().slice(0, 23), sequence: 1n };
    } else change(step.item, step.kind === "remove", step.isReplicated, index);
  });
  const expected = new Map([...items].map(([pk, { revision }]) => [pk, Number(revision)]));
  const isNamed = ({ eventSourceARN = "" }: StreamRecord) =>
    source.some(({ table }) => eventSourceARN.startsWith(table));
  return { records: records.filter(isNamed), source, expected };
};

const change = fc.record({ item: fc.nat(2), isReplicated: fc.boolean() });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: change.map((change): Step => ({ kind: "write", ...change })) },
  { weight: 3, arbitrary: change.map((change): Step => ({ kind: "remove", ...change })) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: "move" }) },
  { weight: 1, arbitrary: fc.constantFrom<Region>(0, 1).map((region): Step => ({ kind: "recreate", region })) },
);
const sequence = fc.bigInt({ min: 10n ** 20n, max: 10n ** 38n });
const steps = fc.array(step, { minLength: 2, maxLength: 24 });

const play = async (
  { records, source }: History,
  order: readonly { readonly at: number; readonly isRedriven: boolean }[],
): Promise<ReadonlyMap<string, number>> => {
  const sink = memoryUpsertSink<number>({ name: "copy" });
  const clock = { now: () => start + 24 * hourMs, random: () => 0, sleep: systemClock.sleep };
  const options = { source, clock, logger: recordingLogger(), deadLetterQueue: memoryDeadLetterQueue() };
  const make = () =>
    pipeline<{ readonly pk: string; readonly revision: number }>("orders", options)
      .to(sink, ({ after }) => after.revision)
      .handler();
  const handlers = [make(), make()];
  const envelopeOf = (record: StreamRecord): string =>
    encodeEnvelope({
      v: 1,
      id: `${record.eventID}:copy`,
      pipeline: "orders",
      sink: "copy",
      code: "SINK_REJECTED",
      message: "refused",
      attempts: 1,
      firstFailedAt: "2026-11-27T00:00:00.000Z",
      record,
    });
  const deliver = async (record: StreamRecord, isRedriven: boolean): Promise<void> => {
    const region = record.eventSourceARN?.includes(regions[0]) ? 0 : 1;
    const event = isRedriven ? sqsEvent([envelopeOf(record)]) : streamEvent([record]);
    expect(await handlers[region]?.(event, lambdaContext())).toEqual({ batchItemFailures: [] });
  };
  for (const { at, isRedriven } of order) await deliver(records[at % records.length] as StreamRecord, isRedriven);
  for (const record of [...records].reverse()) await deliver(record, false);
  const pkOf = (itemKey: string): string => /pkS\d+:(item-\d)/.exec(itemKey)?.[1] ?? "";
  return new Map([...sink.items()].map(([itemKey, revision]) => [pkOf(itemKey), revision]));
};

const sorted = (items: ReadonlyMap<string, number>) => [...items].sort(([a], [b]) => (a < b ? -1 : 1));

test("a copy ends with the last state, in whatever order the streams of both regions arrive", async () => {
  const order = fc.array(fc.record({ at: fc.nat(1_000), isRedriven: fc.boolean() }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, sequence, sequence, order, async (steps, first, second, order) => {
      const history = historyOf(steps, [first, second]);
      if (history.records.length === 0) return;
      expect(sorted(await play(history, order))).toEqual(sorted(history.expected));
    }),
    { numRuns: 300 },
  );
});
