// The tables that a pipeline replicates. Records of other tables are refused, because equal keys of two tables would share
// rows. If the tables follow each other in time, as when a global table fails over to another region, their periods
// determine the epochs of versions. See docs/decisions/0039-sources-and-epochs.md.

import type { Clock } from "../async/deadline.ts";
import { ConfigError, RecordError } from "../errors.ts";
import type { StreamRecord } from "./change.ts";
import { epochOfTime, streamArnOf, streamEpoch } from "./version.ts";

/** A table that a pipeline replicates. */
export interface Source {
  /** Name of the table; or its ARN, which also names its region and account. */
  readonly table: string;
  /**
   * UTC time from which the table takes over from the source before it: `2026-11-27T10:00:00Z`. The first source needs
   * no time.
   */
  readonly since?: string;
  /** If a DynamoDB sink of Sluice writes the table: its option `guardAttribute`. Default `_sluice`. */
  readonly guardAttribute?: string;
}

/** What the source says about a record. */
export interface RecordSource {
  /** The first part of the change's version. */
  readonly epoch: string;
  /** Whether another table was the source when the record was made. */
  readonly isOutOfTurn: boolean;
  /** The attribute in which a DynamoDB sink of Sluice would store the version of an item. */
  readonly guardAttribute: string;
}

/** Checks where records come from. Lives as long as the environment. */
export interface SourceReader {
  /**
   * Notes the table of a stream event, unless the option `source` already names a table exactly.
   * @throws {RecordError} RECORD_FOREIGN when the pipeline replicates another table.
   */
  readonly pin: (record: StreamRecord) => void;
  /**
   * Checks a stream that a message points to.
   * @throws {RecordError} RECORD_FOREIGN when the pipeline replicates another table, or does not know its table: without
   * the option `source`, before the first stream event.
   */
  readonly check: (streamArn: string) => void;
  /**
   * Returns the epoch of a record.
   * @throws {RecordError} RECORD_FOREIGN when the pipeline replicates another table, RECORD_MALFORMED when the record's
   * ARN is malformed or has a creation time in the future.
   */
  readonly read: (record: StreamRecord) => RecordSource;
}

/** The time in which a table is the source. `until` is the `since` of the next source. */
interface Period {
  readonly table: string;
  readonly guardAttribute: string;
  readonly since: string | undefined;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** The option `source` after its checks. */
export type Periods = readonly Period[];

const defaultGuardAttribute = "_sluice";
const dayMs = 86_400_000;

/** The period of a table that is the only source. */
const wholeTime: Period = {
  table: "",
  guardAttribute: defaultGuardAttribute,
  since: undefined,
  sinceMs: Number.NEGATIVE_INFINITY,
  untilMs: Number.POSITIVE_INFINITY,
};

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const arnPattern = /^arn:[^:]+:[^:]+:[^:]*:[^:]*:table\/[\w.-]+$/;
const namePattern = /^[\w.-]+$/;

const invalid = (option: string, found: string, expected: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `option "${option}" ${found}; expected ${expected}`);

const isArn = (table: string): boolean => table.startsWith("arn:");
const nameOf = (table: string): string => table.slice(table.lastIndexOf("/") + 1);

const checkedTable = (option: string, table: unknown): string => {
  if (typeof table === "string" && (namePattern.test(table) || arnPattern.test(table))) return table;
  const found = typeof table === "string" ? JSON.stringify(table) : typeof table;
  throw invalid(option, `is ${found}`, "the name or the ARN of a table, without its stream");
};

const checkedSince = (option: string, since: unknown): number => {
  if (since === undefined) return Number.NEGATIVE_INFINITY;
  const ms = typeof since === "string" && timePattern.test(since) ? Date.parse(since) : Number.NaN;
  // `Date.parse` reads the 30th of February as a day of March.
  if (!Number.isNaN(ms) && String(since).startsWith(new Date(ms).toISOString().slice(0, 19))) return ms;
  throw invalid(
    option,
    `is ${typeof since === "string" ? JSON.stringify(since) : typeof since}`,
    "a time in UTC, in whole seconds: 2026-11-27T10:00:00Z",
  );
};

const checkedAttribute = (option: string, name: unknown): string => {
  if (typeof name === "string" && name !== "") return name;
  throw invalid(option, `is ${name === "" ? "empty" : typeof name}`, "the name of an attribute");
};

const checkedPeriod = (given: string | Source, option: string): Omit<Period, "untilMs"> => {
  if (typeof given === "string") {
    return { ...wholeTime, table: checkedTable(option, given) };
  }
  if (typeof given !== "object" || given === null) {
    throw invalid(option, `is ${given === null ? "null" : typeof given}`, "a table's name or ARN, or { table }");
  }
  const unknown = Object.keys(given).filter((name) => !["table", "since", "guardAttribute"].includes(name));
  if (unknown.length > 0) {
    throw invalid(option, `has the unknown member ${JSON.stringify(unknown[0])}`, "table, since and guardAttribute");
  }
  const { table, since, guardAttribute = defaultGuardAttribute } = given;
  return {
    table: checkedTable(`${option}.table`, table),
    since,
    sinceMs: checkedSince(`${option}.since`, since),
    guardAttribute: checkedAttribute(`${option}.guardAttribute`, guardAttribute),
  };
};

/** Refuses sources that cannot be ordered, and a table that is named in two ways. */
const checkFollows = (last: Omit<Period, "untilMs">, next: Omit<Period, "untilMs">, option: string): void => {
  if (next.since === undefined) {
    throw invalid(
      `${option}.since`,
      "is missing",
      "the time from which this table takes over, because items of two tables with equal keys would share rows; " +
        "to replicate two tables at the same time, give each table its own pipeline and target",
    );
  }
  if (next.sinceMs > last.sinceMs) return;
  throw invalid(`${option}.since`, `is ${next.since}`, `a time after the one of the source before it, ${last.since}`);
};

const checkNames = (periods: Periods): void => {
  for (const { table } of periods) {
    const other = periods.find((period) => period.table !== table && nameOf(period.table) === nameOf(table));
    if (other === undefined || (isArn(table) && isArn(other.table))) continue;
    throw invalid("source", `names ${nameOf(table)} by its name and by its ARN`, "its ARN in both places");
  }
};

/** Checks the option `source`. @throws {ConfigError} CONFIG_INVALID when the sources cannot be ordered. */
export const checkedSource = (source: string | Source | readonly (string | Source)[] | undefined): Periods => {
  if (source === undefined) return [];
  const isList = Array.isArray(source);
  const given = (isList ? source : [source]) as readonly (string | Source)[];
  if (given.length === 0) throw invalid("source", "is an empty list", "at least one table");
  const checked = given.map((one, index) => checkedPeriod(one, isList ? `source[${index}]` : "source"));
  checked.forEach((period, index) => {
    const last = checked[index - 1];
    if (last !== undefined) checkFollows(last, period, `source[${index}]`);
  });
  const periods = checked.map((period, index) => ({
    ...period,
    untilMs: checked[index + 1]?.sinceMs ?? Number.POSITIVE_INFINITY,
  }));
  checkNames(periods);
  return periods;
};

/** Sorts before all other epochs. */
const lowestEpoch = "0".repeat(17);

const later = (one: string, other: string): string => (one > other ? one : other);
const earlier = (one: string, other: string): string => (one < other ? one : other);

/**
 * The epoch of a stream within a period: the stream's creation time, but not before the period's start, and before its
 * end. So versions of successive periods rise, and versions of a stream that is created again within a period rise too.
 */
const epochIn = ({ since, sinceMs, untilMs }: Period, streamLabel: string): string => {
  const start = since === undefined ? streamLabel : later(streamLabel, epochOfTime(sinceMs));
  return untilMs === Number.POSITIVE_INFINITY ? start : earlier(start, epochOfTime(untilMs - 1));
};

/** A stream that was accepted. */
interface AcceptedStream {
  readonly arn: string;
  /** The periods of the stream's table, the latest first, each with the stream's epoch in the period. */
  readonly periods: readonly { readonly period: Period; readonly inTurn: RecordSource; readonly late: RecordSource }[];
  /** What holds for records from before the table's first period. */
  readonly early: RecordSource;
}

const foreign = (tableArn: string, expected: string): RecordError =>
  new RecordError(
    "RECORD_FOREIGN",
    `the stream is of table ${tableArn}; expected ${expected}. Remove the event source mapping of the other table, ` +
      'or name its table in the option "source" of the pipeline',
  );

const tableArnOf = (streamArn: string): string => streamArn.split("/stream/")[0] ?? streamArn;

const createdAtMs = ({ dynamodb }: StreamRecord): number => (dynamodb?.ApproximateCreationDateTime ?? 0) * 1_000;

const isNamed = (named: string, tableArn: string): boolean =>
  isArn(named) ? named === tableArn : named === nameOf(tableArn);

/** A table that the pipeline may replicate. `arn` is known as soon as a stream event has shown it. */
interface Known {
  /** Name or ARN in the option `source`; undefined without the option. */
  readonly named: string | undefined;
  readonly arn: string | undefined;
}

const isKnown = ({ named, arn }: Known, tableArn: string): boolean => {
  if (arn !== undefined) return arn === tableArn;
  return named === undefined || isNamed(named, tableArn);
};

const shown = ({ named, arn }: Known): string => {
  if (arn === undefined || arn === named) return named ?? "any table";
  return `${arn}, whose stream event came first to this environment`;
};

const assertPast = (label: string, now: number): void => {
  if (label <= epochOfTime(now + dayMs)) return;
  throw new RecordError(
    "RECORD_MALFORMED",
    "the stream's creation time in eventSourceARN is in the future; expected a time in the past",
  );
};

/** Describes a stream. `periods` are those of the stream's table. */
const acceptedStream = (arn: string, label: string, periods: Periods): AcceptedStream => ({
  arn,
  periods: [...periods].reverse().map((period) => {
    const source = { epoch: epochIn(period, label), guardAttribute: period.guardAttribute };
    return { period, inTurn: { ...source, isOutOfTurn: false }, late: { ...source, isOutOfTurn: true } };
  }),
  early: { epoch: lowestEpoch, guardAttribute: (periods[0] ?? wholeTime).guardAttribute, isOutOfTurn: true },
});

/** Creates a reader. Without `periods`, the first table of a stream event is the only source of the environment. */
export const sourceReader = (periods: Periods, clock: Pick<Clock, "now">): SourceReader => {
  const names = periods.length === 0 ? [undefined] : [...new Set(periods.map(({ table }) => table))];
  let known: readonly Known[] = names.map((named) => ({ named, arn: undefined }));
  let latest: AcceptedStream | undefined;
  let latestPinned: string | undefined;

  const assertKnown = (tableArn: string): void => {
    if (known.some((one) => isKnown(one, tableArn))) return;
    throw foreign(tableArn, known.map(shown).join(" or "));
  };
  const accept = (arn: string): AcceptedStream => {
    const label = streamEpoch(arn);
    const tableArn = tableArnOf(arn);
    assertKnown(tableArn);
    assertPast(label, clock.now());
    const own = periods.filter(({ table }) => isNamed(table, tableArn));
    return acceptedStream(arn, label, periods.length === 0 ? [wholeTime] : own);
  };
  const streamOf = (arn: string): AcceptedStream => {
    if (latest?.arn !== arn) latest = accept(arn);
    return latest;
  };
  const pinTable = (tableArn: string): void => {
    assertKnown(tableArn);
    known = known.map((one) => (isKnown(one, tableArn) ? { ...one, arn: tableArn } : one));
    latest = undefined;
  };

  return {
    pin: (record) => {
      const arn = record?.eventSourceARN;
      // A record without a stream is malformed, and is rejected when it is decoded.
      if (arn === latestPinned || typeof arn !== "string" || !arn.includes("/stream/")) return;
      pinTable(tableArnOf(arn));
      latestPinned = arn;
    },
    check: (streamArn) => {
      const tableArn = tableArnOf(streamArn);
      const isUnknown = known.every(({ named, arn }) => named === undefined && arn === undefined);
      if (isUnknown) throw foreign(tableArn, "the table in option source, because a message points to this stream");
      assertKnown(tableArn);
    },
    read: (record) => {
      const { periods: own, early } = streamOf(streamArnOf(record));
      const createdAt = createdAtMs(record);
      for (const { period, inTurn, late } of own) {
        if (createdAt >= period.sinceMs) return createdAt < period.untilMs ? inTurn : late;
      }
      return early;
    },
  };
};
