// Writes an export of a table as DynamoDB writes it to S3, because no emulator does.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html (read 2026-11-27)

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { ConfigError, checkOptionNames, type Image } from "@sluice/core/sink-kit";
import { type Random, randomOf } from "../random/random.ts";

/** The state of an item at the start and at the end of an incremental export's window. */
export interface WindowChange {
  readonly keys: Image;
  /** The item at the end of the window; absent if it was removed. */
  readonly newImage?: Image;
  /** The item at the start of the window; absent if it did not exist. */
  readonly oldImage?: Image;
  /** The time of the last write, in microseconds since 1970. */
  readonly writtenAtMicros: number;
}

/** Options of `writeExport` for exports of both types. */
export interface WriteExportPlace {
  /** Default `arn:aws:dynamodb:us-east-1:123456789012:table/Orders`, the table of `streamRecord`. */
  readonly tableArn?: string;
  /** Default `exports`. */
  readonly bucket?: string;
  /** Prefix that the person who exported has chosen, such as `backups/orders`. Default: none. */
  readonly prefix?: string;
  /** Whether the keys in the manifests begin with the prefix. Default true. */
  readonly keysHavePrefix?: boolean;
  /** Number of data files with lines. Lines are spread over them at random. Default 4. */
  readonly files?: number;
  /** Number of data files without lines, for empty partitions. Every second one has no bytes at all. Default 2. */
  readonly emptyFiles?: number;
  /** Extension of the files with the manifests' checksums; `none` leaves them out. Default `checksum`. */
  readonly checksums?: "checksum" | "md5" | "none";
  /** `ION` is written in the summary only. Default `DYNAMODB_JSON`. */
  readonly outputFormat?: "DYNAMODB_JSON" | "ION";
  /** Seed of the order of the lines and of the files' names. Default 1. */
  readonly seed?: number;
}

/** Options of `writeExport` for a full export. */
export interface FullExportOptions extends WriteExportPlace {
  readonly type?: "full";
  /** All items of the table, as attribute values. */
  readonly items: readonly Image[];
  /** Default `2026-01-02T03:04:05.678Z`. */
  readonly exportTime?: string;
  /** Whether the summary has an `exportType`. Default false, as in real full exports. */
  readonly hasType?: boolean;
}

/** Options of `writeExport` for an incremental export. */
export interface IncrementalExportOptions extends WriteExportPlace {
  readonly type: "incremental";
  readonly changes: readonly WindowChange[];
  /** Start of the window, inclusive. Default `2026-01-02T03:00:00.000Z`. */
  readonly from?: string;
  /** End of the window, exclusive. Default `2026-01-02T04:00:00.000Z`. */
  readonly to?: string;
  /** With `NEW_IMAGE` the old images are left out. Default `NEW_AND_OLD_IMAGES`. */
  readonly outputView?: "NEW_AND_OLD_IMAGES" | "NEW_IMAGE";
  /** The form of the time of a write: `{ "N": "1" }`, `1` or `"1"`. Default `attribute`. */
  readonly timestamps?: "attribute" | "number" | "text";
}

/** Options of `writeExport`. */
export type WriteExportOptions = FullExportOptions | IncrementalExportOptions;

/** An export: what DynamoDB would have written to the bucket. */
export interface WrittenExport {
  readonly bucket: string;
  /** Address of the summary: `s3://exports/AWSDynamoDB/…/manifest-summary.json`. */
  readonly manifest: string;
  /** The bytes of each object, by its key. */
  readonly objects: ReadonlyMap<string, Uint8Array>;
  /** Keys of the data files that have lines. */
  readonly dataKeys: readonly string[];
}

const optionNames = {
  ...{ tableArn: true, bucket: true, prefix: true, keysHavePrefix: true, files: true, emptyFiles: true },
  ...{ checksums: true, outputFormat: true, seed: true, type: true, items: true, exportTime: true, hasType: true },
  ...{ changes: true, from: true, to: true, outputView: true, timestamps: true },
} as const;

const checkNames = (options: WriteExportOptions): void =>
  checkOptionNames("writeExport", options as object, optionNames as Record<string, true>);

const md5 = (bytes: Uint8Array | string): Buffer => createHash("md5").update(bytes).digest();

const random26 = (random: Random): string =>
  Array.from({ length: 26 }, () => random.pick([..."abcdefghijklmnopqrstuvwxyz234567"])).join("");

const hex8 = (random: Random): string =>
  random
    .integer(2 ** 32)
    .toString(16)
    .padStart(8, "0");

const timestampOf = ({ timestamps = "attribute" }: IncrementalExportOptions, micros: number): unknown => {
  if (timestamps === "number") return micros;
  return timestamps === "text" ? String(micros) : { N: String(micros) };
};

const changeLine = (options: IncrementalExportOptions, change: WindowChange): string => {
  const { keys, newImage, oldImage, writtenAtMicros } = change;
  const hasOldImages = options.outputView !== "NEW_IMAGE";
  return JSON.stringify({
    Metadata: { WriteTimestampMicros: timestampOf(options, writtenAtMicros) },
    Keys: keys,
    ...(hasOldImages && oldImage && { OldImage: oldImage }),
    ...(newImage && { NewImage: newImage }),
  });
};

const linesOf = (options: WriteExportOptions): readonly string[] =>
  options.type === "incremental"
    ? options.changes.map((change) => changeLine(options, change))
    : options.items.map((item) => JSON.stringify({ Item: item }));

interface DataFile {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly items: number;
}

const filled = (lines: readonly string[]): Omit<DataFile, "key"> => ({
  bytes: gzipSync(lines.map((line) => `${line}\n`).join("")),
  items: lines.length,
});

/** Spreads the lines over the files. A file that gets none is a compressed file without lines. */
const dataFiles = (options: WriteExportOptions, folder: string, random: Random): readonly DataFile[] => {
  const { files = 4, emptyFiles = 2 } = options;
  const shares = Array.from({ length: files }, (): string[] => []);
  for (const line of random.shuffle(linesOf(options))) random.pick(shares).push(line);
  const empty = Array.from({ length: emptyFiles }, (_, index) =>
    index % 2 === 0 ? filled([]) : { bytes: new Uint8Array(), items: 0 },
  );
  const contents = random.shuffle([...shares.map(filled), ...empty]);
  return contents.map((content) => ({ ...content, key: `${folder}${random26(random)}.json.gz` }));
};

/** An object that was uploaded in one part of a multipart upload has this entity tag. */
const etagOf = (bytes: Uint8Array): string => `${md5(md5(bytes)).toString("hex")}-1`;

const entryOf = ({ key, bytes, items }: DataFile, inManifest: (key: string) => string): string =>
  JSON.stringify({
    itemCount: items,
    md5Checksum: md5(bytes).toString("base64"),
    etag: etagOf(bytes),
    dataFileS3Key: inManifest(key),
  });

const typeFields = (options: WriteExportOptions): object => {
  if (options.type !== "incremental") return options.hasType === true ? { exportType: "FULL_EXPORT" } : {};
  const { from = "2026-01-02T03:00:00.000Z", to = "2026-01-02T04:00:00.000Z" } = options;
  const { outputView = "NEW_AND_OLD_IMAGES" } = options;
  return { exportType: "INCREMENTAL_EXPORT", exportFromTime: from, exportToTime: to, outputView };
};

const timeOf = (options: WriteExportOptions): string =>
  options.type === "incremental"
    ? (options.to ?? "2026-01-02T04:00:00.000Z")
    : (options.exportTime ?? "2026-01-02T03:04:05.678Z");

const summaryOf = (options: WriteExportOptions, id: string, files: readonly DataFile[], filesKey: string): string => {
  const { tableArn = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders", bucket = "exports", prefix } = options;
  const time = timeOf(options);
  return `${JSON.stringify({
    version: options.type === "incremental" ? "2023-08-01" : "2020-06-30",
    exportArn: `${tableArn}/export/${id}`,
    startTime: time,
    endTime: new Date(Date.parse(time) + 300_000).toISOString(),
    tableArn,
    tableId: "11991185-e7ab-4da5-8bab-03f0db0b7bfd",
    ...(options.type !== "incremental" && { exportTime: time }),
    s3Bucket: bucket,
    s3Prefix: prefix ?? null,
    s3SseAlgorithm: "AES256",
    s3SseKmsKeyId: null,
    manifestFilesS3Key: filesKey,
    billedSizeBytes: linesOf(options).reduce((sum, line) => sum + line.length, 0),
    itemCount: files.reduce((sum, { items }) => sum + items, 0),
    outputFormat: options.outputFormat ?? "DYNAMODB_JSON",
    ...typeFields(options),
  })}\n`;
};

/** The manifest and, beside it, its checksum. */
const withChecksum = (
  key: string,
  text: string,
  checksums: WriteExportOptions["checksums"] = "checksum",
): readonly (readonly [string, Uint8Array])[] => {
  const manifest = [key, Buffer.from(text)] as const;
  if (checksums === "none") return [manifest];
  return [manifest, [key.replace(/json$/, checksums), Buffer.from(md5(text).toString("base64"))]];
};

const checkFiles = ({ files = 4, emptyFiles = 2 }: WriteExportOptions): void => {
  if (Number.isInteger(files) && files >= 1 && Number.isInteger(emptyFiles) && emptyFiles >= 0) return;
  throw new ConfigError("CONFIG_INVALID", 'options "files" and "emptyFiles" must be whole numbers from 1 and from 0');
};

/**
 * Writes a full or an incremental export. Equal options give equal bytes.
 * @throws {ConfigError} CONFIG_INVALID when an option is unknown, or a number of files is wrong.
 */
export const writeExport = (options: WriteExportOptions): WrittenExport => {
  checkNames(options);
  checkFiles(options);
  const { bucket = "exports", prefix, keysHavePrefix = true, checksums, seed = 1 } = options;
  const random = randomOf(seed);
  const root = prefix === undefined ? "" : `${prefix}/`;
  const id = `${String(Date.parse(timeOf(options))).padStart(14, "0")}-${hex8(random)}`;
  const folder = `${root}AWSDynamoDB/${id}/`;
  const inManifest = (key: string): string => (keysHavePrefix ? key : key.slice(root.length));
  // Incremental exports share one folder for their data files.
  const files = dataFiles(
    options,
    options.type === "incremental" ? `${root}AWSDynamoDB/data/` : `${folder}data/`,
    random,
  );
  const filesKey = `${folder}manifest-files.json`;
  const entries = files.map((file) => `${entryOf(file, inManifest)}\n`).join("");
  const summaryKey = `${folder}manifest-summary.json`;
  const objects = new Map<string, Uint8Array>([
    [`${folder}_started`, new Uint8Array()],
    ...files.map(({ key, bytes }) => [key, bytes] as const),
    ...withChecksum(filesKey, entries, checksums),
    ...withChecksum(summaryKey, summaryOf(options, id, files, inManifest(filesKey)), checksums),
  ]);
  const dataKeys = files.filter(({ items }) => items > 0).map(({ key }) => key);
  return { bucket, manifest: `s3://${bucket}/${summaryKey}`, objects, dataKeys };
};
