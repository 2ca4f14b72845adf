// The sink. It appends one line of JSON to a file for each change.

import { type AppendDelivery, checkText, checkWhole, type Sink, toJson, writeInRequests } from "@sluice/core/sink-kit";
import { classify } from "./classify.ts";
import { type LineFile, openLineFile } from "./line-file.ts";

/** The members of a line, except `idempotencyKey`. The sink adds the `idempotencyKey`. */
export type Line = { readonly [member: string]: unknown };

/** Options of the sink. */
export interface JsonLinesOptions {
  /** Path of the file. The sink creates a missing file, but not a missing folder. */
  readonly path: string;
  /** Maximum bytes of a line with its line feed, and maximum bytes of one write to the file. Default 262,144. */
  readonly maxLineBytes?: number;
  /** Opens the file. Tests can replace this function. Default: opens the file on disk. */
  readonly open?: (path: string) => Promise<LineFile>;
}

const lineOf = ({ message, idempotencyKey }: AppendDelivery<Line>): string =>
  `${toJson({ ...message, idempotencyKey })}\n`;

/**
 * Opens the file at the first write. Reopens the file after a failed write: `openLineFile` then completes the line if
 * the failed write left an incomplete line.
 */
const lazily = (open: () => Promise<LineFile>): LineFile => {
  let file: Promise<LineFile> | undefined;
  const close = async (): Promise<void> => {
    const opened = file;
    file = undefined;
    await (await opened)?.close();
  };
  const append = async (text: string): Promise<void> => {
    file ??= open();
    try {
      await (await file).append(text);
    } catch (error) {
      await close().catch(() => undefined); // an error of `close` is ignored: the write has already failed
      throw error;
    }
  };
  return { append, close };
};

/**
 * Creates a sink that appends a line of JSON to a file for every change. Repeated lines have an equal `idempotencyKey`.
 * @throws {ConfigError} CONFIG_INVALID if an option is invalid
 */
export const jsonLines = ({
  path,
  maxLineBytes = 262_144,
  open = openLineFile,
}: JsonLinesOptions): Sink<Line, "append"> => {
  checkText("path", path);
  checkWhole("maxLineBytes", maxLineBytes, [1, Number.MAX_SAFE_INTEGER]);
  const file = lazily(() => open(path));
  return {
    name: "json-lines",
    supports: { writes: "append" },
    ...writeInRequests<Line, string>({
      sink: "json-lines",
      maxEntries: Number.MAX_SAFE_INTEGER,
      maxBytes: maxLineBytes,
      encode: (delivery) => {
        const entry = lineOf(delivery);
        return { entry, bytes: Buffer.byteLength(entry) };
      },
      send: async (lines) => {
        await file.append(lines.join(""));
        return lines.map(() => "taken");
      },
      classify,
    }),
    close: file.close,
  };
};
