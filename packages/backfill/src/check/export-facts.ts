import { type ExportSummary, readSummary, summaryPlace } from "../source/export-manifest.ts";
import type { ObjectReader } from "../source/object-reader.ts";

/**
 * Reads what an export is of, before its source can be created: the source needs the table's stream.
 * @throws {SourceError} when the manifest does not exist, or is not that of an export
 */
export const exportSummary = (client: ObjectReader, manifest: string, signal: AbortSignal): Promise<ExportSummary> =>
  readSummary(client, summaryPlace(manifest), signal);
