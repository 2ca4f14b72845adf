// An export of the table to S3 as a source: full, or incremental.

import type { StreamRecord } from "@sluice/core/envelope";
import type { Clock } from "@sluice/core/sink-kit";
import type { RecordOrigin } from "../record/records.ts";
import { checkFile, linesOf } from "./export-lines.ts";
import { dataPlace, type ExportSummary, readFiles, readSummary, summaryPlace } from "./export-manifest.ts";
import { type RecordOfLine, recordOfLine } from "./export-record.ts";
import { addressOf, bytesOf, type ObjectPlace, type ObjectReader, objectReader } from "./object-reader.ts";
import { retryCounter } from "./retries.ts";
import { type ItemSource, SourceError, type SourcePage, type Unit, unitName } from "./source.ts";
import { objectFailure } from "./source-failure.ts";

/** Options of `exportSource`. */
export interface ExportOptions {
  /** Default: an `S3` client with the SDK's own settings, loaded at the first request. */
  readonly client?: ObjectReader | undefined;
  /** Address of `manifest-summary.json`, or of the folder that contains it: `s3://bucket/AWSDynamoDB/01…/`. */
  readonly manifest: string;
  readonly origin: RecordOrigin;
  /** Folder of the data files, if they are not where the manifest says. */
  readonly dataPrefix?: string | undefined;
  readonly clock?: Pick<Clock, "sleep" | "random"> | undefined;
}

/** An export as a source. */
export interface ExportSource extends ItemSource {
  /** What the export is of: for the checks before a run. @throws {SourceError} when the manifest cannot be used. */
  readonly summary: () => Promise<ExportSummary>;
  /** Closes the client, if the source created it. */
  readonly close: () => Promise<void>;
}

type FileUnit = Extract<Unit, { readonly kind: "file" }>;

const maxRecordsPerPage = 2_000;
const maxCharactersPerPage = 1_000_000;

const never = (): AbortSignal => new AbortController().signal;

/** Keeps the value of the first call that succeeds. */
const once = <Value>(make: () => Promise<Value>): (() => Promise<Value>) => {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
};

const tableOf = (streamArn: string): string => streamArn.replace(/\/stream\/.*$/, "");

const checkTable = (place: ObjectPlace, summary: ExportSummary, { streamArn }: RecordOrigin): ExportSummary => {
  if (summary.tableArn === tableOf(streamArn)) return summary;
  const found = `the export is of ${summary.tableArn}`;
  throw new SourceError(`[${addressOf(place)}] ${found}; expected ${tableOf(streamArn)}, the table of the stream`);
};

const fileOf = (unit: Unit, name: string): FileUnit => {
  if (unit.kind === "file") return unit;
  throw new SourceError(`[${name}] the unit is ${unitName(unit)}; expected a data file`);
};

const lineOf = (cursor: string | undefined, file: string): number => {
  if (cursor === undefined) return 0;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new SourceError(`[${file}] the cursor is no number of a line; expected a cursor that this source returned`);
};

/** Collects records until a page is full. */
const pageBuilder = () => {
  let records: StreamRecord[] = [];
  let characters = 0;
  return {
    add: (record: StreamRecord, length: number): void => {
      records.push(record);
      characters += length;
    },
    isFull: (): boolean => records.length >= maxRecordsPerPage || characters >= maxCharactersPerPage,
    take: (cursor: string | undefined): SourcePage => {
      const page = { records, cursor, readUnits: 0 };
      records = [];
      characters = 0;
      return page;
    },
  };
};

/** Reads a data file once, after its first `skip` lines. The last page follows after the MD5 of the file was compared. */
async function* readOnce(
  file: { readonly address: string; readonly md5: string },
  bytes: AsyncIterable<Uint8Array>,
  skip: number,
  toRecord: RecordOfLine,
): AsyncGenerator<SourcePage, void, undefined> {
  const page = pageBuilder();
  for await (const { lines, firstLine } of linesOf(file, bytes, skip)) {
    for (const [index, line] of lines.entries()) {
      // A full page is given only when a line follows, so that the last page comes after the check of the file.
      if (page.isFull()) yield page.take(String(firstLine + index - 1));
      if (line !== "") page.add(toRecord(line, `${file.address}, line ${firstLine + index}`), line.length);
    }
  }
  yield page.take(undefined);
}

/**
 * Yields the pages, and aborts if the consumer leaves before the last one. A chunk may still be awaited then, and Node's
 * streams would wait for it before they end.
 */
async function* abortedWhenLeft(
  pages: AsyncIterable<SourcePage>,
  left: AbortController,
): AsyncGenerator<SourcePage, void, undefined> {
  for await (const page of pages) {
    let isTaken = false;
    try {
      yield page;
      isTaken = true;
    } finally {
      if (!isTaken) left.abort();
    }
  }
}

/** What the pages of a data file need. */
interface Reading {
  readonly client: ObjectReader;
  readonly place: ObjectPlace;
  readonly unit: FileUnit;
  readonly toRecord: RecordOfLine;
  readonly clock: ExportOptions["clock"];
}

/**
 * Checks the whole file first, so that nothing of a damaged file is copied. Then yields the pages after a cursor. When the
 * connection breaks, reads the file again, and goes on after the last page.
 */
async function* readAgain(
  { client, place, unit, toRecord, clock }: Reading,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<SourcePage, void, undefined> {
  const address = addressOf(place);
  const retries = retryCounter({ failureOf: (error) => objectFailure(address, error), clock, signal });
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  const file = { address, md5: unit.md5 };
  let cursor = after;
  const check = once(() => checkFile(file, bytesOf(client, place, either)));
  while (!either.aborted) {
    try {
      await check();
      const bytes = bytesOf(client, place, either);
      const pages = readOnce(file, bytes, lineOf(cursor, address), toRecord);
      for await (const page of abortedWhenLeft(pages, left)) {
        if (signal.aborted) return;
        yield page;
        if (page.cursor === undefined) return;
        cursor = page.cursor;
        retries.succeed();
      }
    } catch (error) {
      if (either.aborted) return;
      await retries.fail(error);
    }
  }
}

/**
 * Creates the source that reads an export. Data files are streamed, so that the memory does not depend on their size.
 * An incremental export gives the items that were changed in its window, removals included.
 * @throws {SourceError} when `manifest` is not the address of an object.
 */
export const exportSource = (options: ExportOptions): ExportSource => {
  const { manifest, origin, dataPrefix, clock } = options;
  const place = summaryPlace(manifest);
  const connection = objectReader(options.client);
  const summary = once(async () =>
    checkTable(place, await readSummary(await connection.get(), place, never()), origin),
  );
  const units = once(async () => readFiles(await connection.get(), place, (await summary()).items, never()));
  async function* pages(unit: Unit, after: string | undefined, signal: AbortSignal) {
    const file = fileOf(unit, manifest);
    const toRecord = recordOfLine(origin, await summary());
    const client = await connection.get();
    const reading = { client, place: dataPlace(place, file.key, dataPrefix), unit: file, toRecord, clock };
    yield* readAgain(reading, after, signal);
  }
  return { name: `export ${manifest}`, summary, units, pages, close: connection.close };
};
