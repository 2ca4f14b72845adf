// What follows from results: messages go before their records, and stay with them.

import { describe, expect, test } from "@jest/globals";
import type { Claims } from "../src/aws/payloads.ts";
import type { Letterbox } from "../src/message-source/message-source.ts";
import { newAccount } from "../../redrive/src/run-counts.ts";
import type { Entry, Parcel } from "../src/redrive/delivery-unit.ts";
import { newCauses } from "../src/redrive/report.ts";
import type { EntryResult } from "../../redrive/src/engine.ts";
import { settler } from "../src/redrive/finish.ts";

const done: EntryResult = { outcome: "delivered", stays: false };
const left: EntryResult = { outcome: "rejected", stays: true, code: "SINK_REJECTED" };

const parcelOf = (messages: string[], claims: string[] = [], open = 1): Parcel => ({
  messages,
  claims,
  open,
  settled: undefined,
});

const entryOf = (parcel: Parcel): Entry => ({
  id: parcel.messages[0] ?? "",
  lane: "lane",
  version: "1",
  place: { offset: 0, bytes: 0 },
  parcel,
});

/** A letterbox that cannot remove some messages, and a log of what is done. */
const bench = ({ stuck = [] as string[], comesInRounds = false, isDryRun = false, owned = true } = {}) => {
  const log: string[] = [];
  const warnings: string[] = [];
  const letterbox = {
    comesInRounds,
    remove: async (ids: readonly string[]) => {
      if (ids.length > 0) log.push(`remove ${ids}`);
      return ids.filter((id) => stuck.includes(id));
    },
    putBack: async (ids: readonly string[] = []) => {
      if (ids.length > 0) log.push(`put back ${ids}`);
      return 0;
    },
  } as unknown as Letterbox;
  const claims = {
    remove: async (claim: string) => {
      log.push(`remove ${claim}`);
      if (claim === "s3://denied") throw new Error("no permission");
    },
  } as unknown as Claims;
  const account = newAccount();
  const warn = (line: string): void => void warnings.push(line);
  const settling = { letterbox, claims: owned ? claims : undefined, account, causes: newCauses(), isDryRun, warn };
  return { log, warnings, account, ...settler(settling) };
};

describe("what is delivered", () => {
  test("goes with all its copies, and after them the records that they claim", async () => {
    const { log, settle, account } = bench();
    const delivered = entryOf(parcelOf(["a", "copy"], ["s3://a", "s3://copy"]));
    const rejected = entryOf(parcelOf(["b"], ["s3://b"]));
    await settle(
      new Map([
        [delivered, done],
        [rejected, left],
      ]),
    );
    expect(log).toEqual(["remove a,copy", "remove s3://a", "remove s3://copy", "put back b"]);
    expect([account.count("delivered"), account.count("rejected")]).toEqual([1, 1]);
  });

  test("keeps its record as long as one of its messages stays", async () => {
    const { log, settle, unremoved } = bench({ stuck: ["copy"] });
    await settle(new Map([[entryOf(parcelOf(["a", "copy"], ["s3://a"])), done]]));
    expect(log).toEqual(["remove a,copy"]);
    expect(unremoved()).toBe(1);
  });

  test("is told where its record cannot be removed", async () => {
    const { warnings, settle } = bench();
    await settle(new Map([[entryOf(parcelOf(["a"], ["s3://denied"])), done]]));
    expect(warnings).toEqual(["s3://denied could not be removed: no permission"]);
  });

  test("of a file leaves records alone: their messages may stand in a queue", async () => {
    const { log, settle } = bench({ owned: false });
    await settle(new Map([[entryOf(parcelOf(["line 1"], ["s3://a"])), done]]));
    expect(log).toEqual(["remove line 1"]);
  });

  test("goes when the last of its parts is, and stays with one that stays", async () => {
    const { log, settle, account } = bench();
    const whole = parcelOf(["object"], [], 2);
    const half = parcelOf(["other"], [], 2);
    await settle(
      new Map([
        [entryOf(whole), done],
        [entryOf(half), left],
      ]),
    );
    expect(log).toEqual([]);
    await settle(
      new Map([
        [entryOf(whole), done],
        [entryOf(half), done],
      ]),
    );
    expect(log).toEqual(["remove object", "put back other"]);
    expect([account.count("delivered"), account.count("rejected")]).toEqual([1, 1]);
  });
});

test("a dry run removes nothing", async () => {
  const { log, settle } = bench({ isDryRun: true });
  await settle(new Map([[entryOf(parcelOf(["a"], ["s3://a"])), done]]));
  expect(log).toEqual(["put back a"]);
});

test("what stays in a FIFO queue is held to the end", async () => {
  const { log, settle } = bench({ comesInRounds: true });
  await settle(new Map([[entryOf(parcelOf(["a"])), left]]));
  expect(log).toEqual([]);
});
