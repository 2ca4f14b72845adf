// The manifests of an export: what was exported, and in which files.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html (read 2026-11-27)

import { createHash } from "node:crypto";
import { isRecord } from "@sluice/core/sink-kit";
import { addressOf, type ObjectPlace, type ObjectReader, placeOf, readIfThere, readWhole } from "./object-reader.ts";
import { withRetries } from "./retries.ts";
import { SourceError, type Unit, unitName } from "./source.ts";
import { objectFailure } from "./source-failure.ts";

/** What an export is of, and when its data were read. */
export interface ExportSummary {
  readonly type: "full" | "incremental";
  readonly exportArn: string | undefined;
  readonly tableArn: string;
  /** The time of a full export's data, or the end of an incremental export's window (exclusive), in ms since 1970. */
  readonly exportTimeMs: number;
  /** Start of an incremental export's window, in ms since 1970. */
  readonly fromTimeMs: number | undefined;
  /** Whether an incremental export has old images. */
  readonly hasOldImages: boolean;
  readonly items: number;
  readonly billedBytes: number;
}

/** An entry of `manifest-files.json`. */
export interface ManifestFile {
  readonly itemCount: number;
  readonly md5Checksum: string;
  readonly dataFileS3Key: string;
}

const summaryName = "manifest-summary.json";
const filesName = "manifest-files.json";

/** The folder that each export has below its prefix. */
const exportFolder = "AWSDynamoDB/";

/** Returns the place of the summary. The address may also be the folder of the export. */
export const summaryPlace = (manifest: string): ObjectPlace => {
  const place = placeOf(manifest.endsWith("/") ? `${manifest}${summaryName}` : manifest);
  if (!place.Key.endsWith(".json")) {
    throw new SourceError(
      `the address is "${manifest}"; expected s3://bucket/…/${summaryName}, or its folder with a slash at the end`,
    );
  }
  return place;
};

const beside = ({ Bucket, Key }: ObjectPlace, name: string): ObjectPlace => ({
  Bucket,
  Key: Key.slice(0, Key.lastIndexOf("/") + 1) + name,
});

/**
 * Returns the place of a data file. Keys of manifests are relative to the bucket, with or without the export's prefix, and
 * keep the old prefix when an export is moved; so the prefix of the manifest itself is used. `dataPrefix`, if given, is
 * the folder of the files, in the same bucket or as `s3://bucket/folder/`.
 */
export const dataPlace = (summary: ObjectPlace, key: string, dataPrefix: string | undefined): ObjectPlace => {
  if (dataPrefix !== undefined) {
    const folder = dataPrefix.startsWith("s3://") ? placeOf(dataPrefix) : { Bucket: summary.Bucket, Key: dataPrefix };
    const separator = folder.Key === "" || folder.Key.endsWith("/") ? "" : "/";
    return { Bucket: folder.Bucket, Key: `${folder.Key}${separator}${key.slice(key.lastIndexOf("/") + 1)}` };
  }
  const own = summary.Key.lastIndexOf(exportFolder);
  const start = key.lastIndexOf(exportFolder);
  const isKnown = own >= 0 && start >= 0;
  return { Bucket: summary.Bucket, Key: isKnown ? summary.Key.slice(0, own) + key.slice(start) : key };
};

const problem = (place: ObjectPlace, found: string, expected: string, cause?: unknown): SourceError =>
  new SourceError(`[${addressOf(place)}] ${found}; expected ${expected}`, { cause });

const parsed = (place: ObjectPlace, text: string, where: string, expected: string): Record<string, unknown> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's error is left out, because its message quotes the text.
    throw problem(place, `${where} is not JSON`, expected);
  }
  if (isRecord(json)) return json;
  throw problem(place, `${where} is not a JSON object`, expected);
};

const md5sOf = (bytes: Uint8Array): readonly string[] => {
  const digest = createHash("md5").update(bytes).digest();
  return [digest.toString("base64"), digest.toString("hex")];
};

/** Compares a manifest with the MD5 beside it. A copy of an export may lack the checksum. */
const checkMd5 = async (
  client: ObjectReader,
  place: ObjectPlace,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> => {
  for (const extension of ["checksum", "md5"]) {
    const checksum = { Bucket: place.Bucket, Key: place.Key.replace(/json$/, extension) };
    const written = await readIfThere(client, checksum, signal);
    if (written === undefined) continue;
    const expected = Buffer.from(written).toString("utf8").trim();
    const found = md5sOf(bytes);
    if (found.includes(expected)) return;
    throw problem(place, `the MD5 of the file is ${found[0]}`, `the checksum in ${addressOf(checksum)}`);
  }
};

const readManifest = async (client: ObjectReader, place: ObjectPlace, signal: AbortSignal): Promise<string> => {
  const read = async (): Promise<string> => {
    const bytes = await readWhole(client, place, signal);
    await checkMd5(client, place, bytes, signal);
    return Buffer.from(bytes).toString("utf8");
  };
  const failureOf = (error: unknown) => objectFailure(addressOf(place), error);
  const text = await withRetries(read, { failureOf, signal });
  if (text === undefined) throw problem(place, "the read was aborted", "to read the manifest");
  return text;
};

type Json = Record<string, unknown>;

const timeOf = (place: ObjectPlace, summary: Json, name: string): number => {
  const value = summary[name];
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw problem(
    place,
    `${name} is ${value === undefined ? "missing" : "no time"}`,
    "a time such as 2026-01-02T03:04:05Z",
  );
};

const countOf = (place: ObjectPlace, where: string, value: unknown): number => {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw problem(place, `${where} is ${value === undefined ? "missing" : "no count"}`, "a whole number from 0");
};

const textOf = (place: ObjectPlace, where: string, value: unknown): string => {
  if (typeof value === "string" && value !== "") return value;
  throw problem(place, `${where} is ${value === undefined ? "missing" : "no text"}`, "a text");
};

/** Full exports of before 2023 have no type. */
const typeOf = (place: ObjectPlace, type: unknown = "FULL_EXPORT"): ExportSummary["type"] => {
  if (type === "FULL_EXPORT") return "full";
  if (type === "INCREMENTAL_EXPORT") return "incremental";
  throw problem(place, "exportType has another value", "FULL_EXPORT or INCREMENTAL_EXPORT");
};

const checkFormat = (place: ObjectPlace, format: unknown): void => {
  if (format === "DYNAMODB_JSON") return;
  if (format === "ION") {
    const advice = "DYNAMODB_JSON: export the table again with --export-format DYNAMODB_JSON";
    throw problem(place, "the export's format is ION", advice);
  }
  throw problem(place, `outputFormat is ${format === undefined ? "missing" : "another"}`, "DYNAMODB_JSON");
};

const summaryOf = (place: ObjectPlace, summary: Json): ExportSummary => {
  if (summary.tableArn === undefined) {
    throw problem(place, "the file has no tableArn", `the ${summaryName} of an export`);
  }
  checkFormat(place, summary.outputFormat);
  const type = typeOf(place, summary.exportType);
  const isFull = type === "full";
  return {
    type,
    exportArn: typeof summary.exportArn === "string" ? summary.exportArn : undefined,
    tableArn: textOf(place, "tableArn", summary.tableArn),
    exportTimeMs: timeOf(place, summary, isFull ? "exportTime" : "exportToTime"),
    fromTimeMs: isFull ? undefined : timeOf(place, summary, "exportFromTime"),
    hasOldImages: !isFull && (summary.outputView ?? "NEW_AND_OLD_IMAGES") === "NEW_AND_OLD_IMAGES",
    items: countOf(place, "itemCount", summary.itemCount),
    billedBytes: countOf(place, "billedSizeBytes", summary.billedSizeBytes ?? 0),
  };
};

/** Reads `manifest-summary.json`. @throws {SourceError} when it cannot be read, or is no summary of an export. */
export const readSummary = async (
  client: ObjectReader,
  place: ObjectPlace,
  signal: AbortSignal,
): Promise<ExportSummary> => {
  const text = await readManifest(client, place, signal);
  return summaryOf(place, parsed(place, text, "the file", `the ${summaryName} of an export`));
};

const unitAt = (place: ObjectPlace, text: string, line: number): Unit => {
  const where = `line ${line}`;
  const entry = parsed(place, text, where, "an entry with itemCount, md5Checksum and dataFileS3Key");
  const { itemCount, md5Checksum, dataFileS3Key } = entry;
  return {
    kind: "file",
    key: textOf(place, `${where}: dataFileS3Key`, dataFileS3Key),
    md5: textOf(place, `${where}: md5Checksum`, md5Checksum),
    items: countOf(place, `${where}: itemCount`, itemCount),
  };
};

/** Returns the unit of an entry of `manifest-files.json`, for a state machine that reads this file itself. */
export const fileUnit = ({ itemCount, md5Checksum, dataFileS3Key }: ManifestFile): Unit => ({
  kind: "file",
  key: dataFileS3Key,
  md5: md5Checksum,
  items: itemCount,
});

/** A file that is listed twice would be copied, counted and resumed twice. */
const checkOnce = (place: ObjectPlace, units: readonly Unit[]): void => {
  const known = new Set<string>();
  for (const unit of units) {
    if (known.has(unitName(unit))) throw problem(place, `${unitName(unit)} is listed twice`, "each file once");
    known.add(unitName(unit));
  }
};

/**
 * Reads `manifest-files.json`, which lies beside the summary.
 * @throws {SourceError} when a line is malformed, or when the files have not as many items as the summary says.
 */
export const readFiles = async (
  client: ObjectReader,
  summary: ObjectPlace,
  expectedItems: number,
  signal: AbortSignal,
): Promise<readonly Unit[]> => {
  const place = beside(summary, filesName);
  const text = await readManifest(client, place, signal);
  const lines = text.split("\n");
  const units = lines.flatMap((line, index) => (line.trim() === "" ? [] : [unitAt(place, line, index + 1)]));
  checkOnce(place, units);
  const items = units.reduce((sum, unit) => sum + (unit.kind === "file" ? unit.items : 0), 0);
  if (items === expectedItems) return units;
  throw problem(place, `the files have ${items} items`, `${expectedItems}, as the summary says`);
};
