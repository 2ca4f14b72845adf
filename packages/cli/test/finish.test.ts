// The finisher removes a message, and then the record in S3. If the first removal fails, the record must stay.

import { describe, expect, test } from "@jest/globals";
import type { MessageSource } from "@sluice/inspect/queue";
import type { RedriveResult } from "@sluice/redrive";
import type { Payloads } from "../src/aws/payloads.ts";
import type { MessageUnit } from "../src/message-source/receive-units.ts";
import { redriveCounts } from "../src/redrive/counts.ts";
import { finisher } from "../src/redrive/finish.ts";
import type { FinishedUnit, OpenRedrive, UnitPart, UnitState } from "../src/redrive/open-redrive.ts";
import { newCauses } from "../src/redrive/report.ts";

const done: RedriveResult = { outcome: "delivered", stays: false };
const left: RedriveResult = { outcome: "rejected", stays: true, code: "SINK_REJECTED" };

const unitOf = (messages: string[], recordUrls: string[] = [], pending = 1): MessageUnit<UnitState> => ({
  messages,
  recordUrls,
  value: { parts: [], pending },
});

const partOf = (unit: MessageUnit<UnitState>): UnitPart => ({
  id: unit.messages[0] ?? "",
  group: "item",
  version: "1",
  position: { offset: 0, bytes: 0 },
  unit,
});

/** Creates a finisher whose source cannot remove the messages in `stuck`, and a log of the finisher's calls. */
const bench = ({ stuck = [] as string[], isFifo = false, isDryRun = false, isFromQueue = true } = {}) => {
  const log: string[] = [];
  const warnings: string[] = [];
  const source = {
    isFifo,
    remove: async (ids: readonly string[]) => {
      if (ids.length > 0) log.push(`remove ${ids}`);
      return ids.filter((id) => stuck.includes(id));
    },
    release: async (ids: readonly string[] = []) => {
      if (ids.length > 0) log.push(`release ${ids}`);
      return 0;
    },
  } as unknown as MessageSource;
  const payloads = {
    remove: async (url: string) => {
      log.push(`remove ${url}`);
      if (url === "s3://denied") throw new Error("no permission");
    },
  } as unknown as Payloads;
  const counts = redriveCounts();
  const finished: FinishedUnit[] = [];
  const redrive = {
    onFinished: (unit: FinishedUnit) => void finished.push(unit),
    ...{ source, payloads, counts, causes: newCauses() },
    options: { isDryRun, address: { kind: isFromQueue ? "queue" : "file" } },
    terminal: { err: (line: string) => void warnings.push(line) },
  } as unknown as OpenRedrive;
  return { log, warnings, counts, finished, ...finisher(redrive) };
};

describe("a delivered message", () => {
  test("is removed with its copies, before their records", async () => {
    const { log, finish, counts } = bench();
    const delivered = partOf(unitOf(["a", "copy"], ["s3://a", "s3://copy"]));
    const rejected = partOf(unitOf(["b"], ["s3://b"]));
    await finish(
      new Map([
        [delivered, done],
        [rejected, left],
      ]),
    );
    expect(log).toEqual(["remove a,copy", "remove s3://a", "remove s3://copy", "release b"]);
    expect([counts.of("delivered"), counts.of("rejected")]).toEqual([1, 1]);
  });

  test("keeps its record while a copy of the message stays", async () => {
    const { log, finish, notRemoved } = bench({ stuck: ["copy"] });
    await finish(new Map([[partOf(unitOf(["a", "copy"], ["s3://a"])), done]]));
    expect(log).toEqual(["remove a,copy"]);
    expect(notRemoved()).toBe(1);
  });

  test("whose record cannot be removed causes a warning", async () => {
    const { warnings, finish } = bench();
    await finish(new Map([[partOf(unitOf(["a"], ["s3://denied"])), done]]));
    expect(warnings).toEqual(["s3://denied could not be removed: no permission"]);
  });

  test("of a file keeps its record, because the dead letter may still be in a queue", async () => {
    const { log, finish } = bench({ isFromQueue: false });
    await finish(new Map([[partOf(unitOf(["line 1"], ["s3://a"])), done]]));
    expect(log).toEqual(["remove line 1"]);
  });

  test("is removed after all of its parts are delivered, and stays if one part is not delivered", async () => {
    const { log, finish, counts } = bench();
    const whole = unitOf(["object"], [], 2);
    const half = unitOf(["other"], [], 2);
    await finish(
      new Map([
        [partOf(whole), done],
        [partOf(half), left],
      ]),
    );
    expect(log).toEqual([]);
    await finish(
      new Map([
        [partOf(whole), done],
        [partOf(half), done],
      ]),
    );
    expect(log).toEqual(["remove object", "release other"]);
    expect([counts.of("delivered"), counts.of("rejected")]).toEqual([1, 1]);
  });
});

test("a dry run removes nothing", async () => {
  const { log, finish } = bench({ isDryRun: true });
  await finish(new Map([[partOf(unitOf(["a"], ["s3://a"])), done]]));
  expect(log).toEqual(["release a"]);
});

test("a message that stays in a FIFO queue is not released before the end", async () => {
  const { log, finish } = bench({ isFifo: true });
  await finish(new Map([[partOf(unitOf(["a"])), left]]));
  expect(log).toEqual([]);
});

test("each message is reported once, with its dead letter, its route, and whether it is still in its source", async () => {
  const { finish, finished } = bench({ stuck: ["stuck"] });
  const parts = ["a", "b", "stuck"].map((id) => {
    const unit = unitOf([id]);
    const part = { ...partOf(unit), deadLetterId: `letter ${id}`, route: "orders" };
    return Object.assign(part, { unit: Object.assign(unit, { value: { ...unit.value, parts: [part] } }) });
  });
  const results = [done, left, done];
  await finish(new Map(parts.map((part, index) => [part, results[index] as RedriveResult])));
  expect(finished).toEqual([
    { deadLetterId: "letter a", route: "orders", result: done, stays: false },
    { deadLetterId: "letter b", route: "orders", result: left, stays: true },
    { deadLetterId: "letter stuck", route: "orders", result: done, stays: true },
  ]);
});
