// Conclusions from sights that are made by hand: states that the engines' tests do not reach.

import { describe, expect, test } from "@jest/globals";
import { conclude, type Sights } from "../../src/trace/conclusion.ts";
import type { HeldSight, QueuedDelivery, QueueKind, QueuePart, StreamChange } from "../../src/trace/story.ts";

const versionAt = (number: number): string => `20260102030405678-${String(number).padStart(40, "0")}`;

const change = (number: number): StreamChange => ({
  eventId: `e${number}`,
  kind: "modify",
  at: `2026-01-02T03:04:0${number}Z`,
  version: versionAt(number),
  isTtlRemoval: false,
});

const held = (changes: Partial<HeldSight> = {}): HeldSight => ({
  state: "live",
  version: versionAt(1),
  compared: "different",
  difference: "different",
  members: ["total"],
  code: undefined,
  exists: true,
  isSteady: true,
  isAhead: false,
  ...changes,
});

const waiting = (number: number, route = "a", id = `d${number}`): QueuedDelivery => ({
  id,
  route,
  code: "SINK_REJECTED",
  attempts: 2,
  firstFailedAt: "2026-01-02T03:05:00.123Z",
  eventId: `e${number}`,
  version: versionAt(number),
});

const queue = (kind: QueueKind, deliveries: readonly QueuedDelivery[] = [], hidden = 0): QueuePart => ({
  kind,
  name: kind,
  queueUrl: `https://q/1/${kind}`,
  sight: { value: { deliveries, others: 0, batches: 0, unsupported: 0, unread: 0, hidden, notReleased: 0 } },
});

const empty = [queue("retry queue"), queue("dead letters")];
const noLogs = { unanswered: { action: "logs:FilterLogEvents", reason: "no log group is given" } };

const sights = (
  parts: Partial<Sights> & { readonly held?: HeldSight; readonly changes?: readonly StreamChange[] },
): Sights => ({
  routes: ["a"],
  stream: {
    value: { changes: parts.changes ?? [], isComplete: true, stopped: undefined, shards: 1, shardsRead: 1, records: 1 },
  },
  targets: [{ routes: ["a"], held: { value: parts.held ?? held() } }],
  queues: empty,
  logs: noLogs,
  ...parts,
});

const first = (parts: Parameters<typeof sights>[0]): readonly [string, string] => {
  const [one] = conclude(sights(parts));
  return [one?.state ?? "", one?.sentence ?? ""];
};

describe("a copy that differs", () => {
  test("is explained by the newest change that it lacks, not by an older dead letter", () => {
    const letters = [queue("retry queue"), queue("dead letters", [waiting(2)])];
    expect(first({ changes: [change(1), change(2)], queues: letters })[0]).toBe("rejected");
    const [state, sentence] = first({ changes: [change(1), change(2), change(3)], queues: letters });
    expect(state).toBe("behind");
    expect(sentence).toBe(
      "behind since 2026-01-02T03:04:02Z: the target lacks this change (modify), which waits in the stream, or was given up",
    );
  });

  test("is on its way if the newest change is in both queues", () => {
    const both = [queue("retry queue", [waiting(2)]), queue("dead letters", [waiting(2)])];
    expect(first({ changes: [change(2)], queues: both })).toEqual([
      "behind",
      "on its way since 2026-01-02T03:05:00Z: waits in the retry queue, SINK_REJECTED after 2 attempts",
    ]);
    expect(first({ changes: [change(2)], queues: [...both].reverse() })[0]).toBe("behind");
  });

  test("is not explained by a dead letter of an older change, nor by one of another route", () => {
    const old = [queue("retry queue"), queue("dead letters", [waiting(1), waiting(2, "b")])];
    const [one, other] = conclude(sights({ held: held({ version: versionAt(5) }), queues: old }));
    expect(one).toMatchObject({
      state: "differs",
      sentence: "differs without a known reason: the copy differs in total",
    });
    expect(other).toMatchObject({ routes: ["b"], state: "rejected", isComparable: false });
  });

  test("of routes with one target is explained by a dead letter of any of them", () => {
    const targets = [{ routes: ["a", "b"], held: { value: held() } }];
    const queues = [queue("retry queue"), queue("dead letters", [waiting(2, "b")])];
    const conclusions = conclude(sights({ routes: ["a", "b"], targets, queues }));
    expect(conclusions).toMatchObject([{ routes: ["a", "b"], state: "rejected", deadLetter: { id: "d2" } }]);
  });

  test("may be a change that the trace has met half way", () => {
    expect(first({ held: held({ isSteady: false }) })).toEqual([
      "behind",
      "the item was changed during the trace: the copy differs in total",
    ]);
  });

  test.each<[Partial<HeldSight>, string]>([
    [{ difference: "missing", members: [], state: "absent", version: undefined }, "the target has no copy"],
    [
      { difference: "wrongly-removed", members: [], state: "removed" },
      "the target has a tombstone, and the item exists",
    ],
    [{ difference: "ghost", members: [], exists: false }, "the target has a copy, and the item does not exist"],
    [{ members: [], version: "" }, "the copy has no version"],
    [{ isAhead: true }, "the copy differs in total, with a version that no change of this stream outranks"],
  ])("%j is said in words", (parts, text) => {
    expect(first({ held: held(parts) })).toEqual(["differs", `differs without a known reason: ${text}`]);
  });

  test.each(["filtered", "superseded"])("was %s, as the log says", (outcome) => {
    const deliveries = [
      { at: "2026-01-02T03:04:06.000Z", eventId: "e2", route: "a", outcome, code: undefined, attempts: 1 },
      { at: "2026-01-02T03:04:07.000Z", eventId: "e2", route: "b", outcome: "rejected", code: "X", attempts: 1 },
    ];
    const logs = { value: { group: "g", deliveries, otherLines: 0, since: "", isComplete: true } };
    expect(first({ changes: [change(2)], logs })).toEqual([
      "differs",
      `differs: the last change was ${outcome} at 2026-01-02T03:04:06Z, as the log says, and the target lacks it`,
    ]);
  });

  test("waits, and the log tells why its last attempt failed", () => {
    const deliveries = [
      {
        at: "2026-01-02T03:04:06.000Z",
        eventId: "e2",
        route: "a",
        outcome: "retried",
        code: "SINK_TIMEOUT",
        attempts: 1,
      },
    ];
    const logs = { value: { group: "g", deliveries, otherLines: 0, since: "", isComplete: true } };
    const [state, sentence] = first({ changes: [change(2)], logs });
    expect(state).toBe("behind");
    expect(sentence).toMatch(/; last retried at 2026-01-02T03:04:06Z with SINK_TIMEOUT$/);
  });
});

describe("a copy that is right", () => {
  test.each<[Partial<HeldSight>, string]>([
    [{}, "the copy equals the item"],
    [{ compared: "kept", exists: false }, "the item does not exist, and the target keeps its copy"],
    [{ state: "hidden" }, "the copy is behind that of another item with the same target key"],
    [{ state: "removed" }, "the filter or the mapper refuses the item, and the target holds a tombstone"],
  ])("%j is up to date, whatever waits", (parts, text) => {
    const right = held({ compared: "equal", difference: undefined, members: [], ...parts });
    const queues = [queue("retry queue", [waiting(1, "a", "x")]), queue("dead letters", [waiting(0)])];
    expect(first({ held: right })).toEqual(["up to date", `up to date: ${text}`]);
    expect(first({ held: right, queues })).toEqual([
      "up to date",
      `up to date: ${text}; still in a queue: SINK_REJECTED of 2026-01-02T03:05:00Z and 1 other`,
    ]);
  });
});

test("an item that the pipeline refuses now is rejected, with the dead letter if there is one", () => {
  const refused = held({ compared: "rejected", code: "MAPPING_FAILED", difference: undefined, members: [] });
  expect(first({ held: refused })).toEqual([
    "rejected",
    "rejected: the pipeline refuses the item as it is now with MAPPING_FAILED; no dead letter of it was seen",
  ]);
  const queues = [queue("dead letters", [waiting(2)])];
  expect(first({ held: refused, queues })[1]).toMatch(/; dead letter d2$/);
});

test("a target that did not answer stays unknown, also with a dead letter: a later change may have arrived", () => {
  const targets = [{ routes: ["a"], held: { unanswered: { action: "read access", reason: "SINK_DENIED" } } }];
  const queues = [queue("dead letters", [waiting(2)])];
  expect(first({ targets, queues })).toEqual([
    "unknown",
    "unknown: SINK_DENIED (read access); still in a queue: SINK_REJECTED of 2026-01-02T03:05:00Z",
  ]);
});

test("an append route is rejected by any dead letter, and otherwise unknown, with the places where a change may be", () => {
  const queues = [queue("retry queue", [waiting(3)]), queue("dead letters", [waiting(2)])];
  expect(first({ targets: [], queues })[0]).toBe("rejected");
  expect(first({ targets: [] })).toEqual([
    "unknown",
    "unknown: the target of an append route cannot be compared; no queue has a change of the item",
  ]);
  const partly = {
    ...queue("dead letters"),
    sight: { unanswered: { action: "sqs:ReceiveMessage", reason: "AccessDenied" } },
  };
  expect(first({ targets: [], queues: [queue("retry queue", [], 2), partly] })[1]).toBe(
    "unknown: the target of an append route cannot be compared; a change may be among 2 hidden messages of retry queue, or in the dead letters, which could not be read",
  );
});
