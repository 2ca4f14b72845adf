// The lines of a compressed data file, in constant memory, with a check of the whole file's MD5.

import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { TextDecoder } from "node:util";
import { createGunzip } from "node:zlib";
import { SourceError } from "./source.ts";

/** What is known of a data file. */
export interface DataFile {
  /** For error messages. */
  readonly address: string;
  /** Base64 of the MD5 of the compressed bytes. */
  readonly md5: string;
}

/**
 * The longest line. An item has at most 400 KB, and a line of an incremental export has two images of an item. JSON writes
 * a control character as six characters.
 */
const maxLineBytes = 16 * 1024 * 1024;
const chunkBytes = 256 * 1024;
const newline = 0x0a;

const zlibCodes = /^Z_/;

const problem = ({ address }: DataFile, found: string, expected: string, cause?: unknown): SourceError =>
  new SourceError(`[${address}] ${found}; expected ${expected}`, { cause });

/** Decodes complete lines. A broken character would otherwise become U+FFFD, and so another value. */
const decodeLines = (file: DataFile, bytes: Uint8Array, decoder: TextDecoder, line: number): string => {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw problem(file, `some text at or after line ${line + 1} is not UTF-8`, "UTF-8", cause);
  }
};

/** Yields blocks of complete lines; the last block may lack its newline. `skipped` lines are counted by the caller. */
async function* blocksOf(
  file: DataFile,
  chunks: AsyncIterable<Buffer>,
  lineNumber: () => number,
): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline) + 1;
    if (end > 0) {
      yield Buffer.concat([...rest, chunk.subarray(0, end)]);
      rest = [];
      restBytes = 0;
    }
    if (end < chunk.length) rest.push(chunk.subarray(end));
    restBytes += chunk.length - end;
    if (restBytes > maxLineBytes) {
      throw problem(file, `line ${lineNumber() + 1} has more than ${maxLineBytes} bytes`, "an item of at most 400 KB");
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest);
}

/** Passes the compressed bytes on, and computes their MD5. */
const hashed = (bytes: AsyncIterable<Uint8Array>) => {
  const md5 = createHash("md5");
  let length = 0;
  async function* pass(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of bytes) {
      md5.update(chunk);
      length += chunk.length;
      yield chunk;
    }
  }
  return { bytes: pass(), length: () => length, md5: () => md5.digest("base64") };
};

type Hashed = ReturnType<typeof hashed>;

/** The unpacked bytes. A file of no bytes at all unpacks to no bytes. */
async function* unpacked(file: DataFile, input: Hashed): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  const feeding = pipeline(input.bytes, gunzip);
  // The iteration below throws the same error.
  feeding.catch(() => {});
  try {
    yield* gunzip as AsyncIterable<Buffer>;
    await feeding;
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (!zlibCodes.test(code)) throw error;
    if (code === "Z_BUF_ERROR" && input.length() === 0) return;
    const found = code === "Z_BUF_ERROR" ? "the file is cut off" : `the file cannot be unpacked (${message})`;
    throw problem(file, `${found} after ${input.length()} bytes`, "a complete gzip file", error);
  } finally {
    gunzip.destroy();
  }
}

/** Lines of a data file, from one after the first `skip`. */
export interface LineBlock {
  readonly lines: readonly string[];
  /** The number of the first of these lines, from 1. */
  readonly firstLine: number;
}

/**
 * Reads a whole file, and compares its MD5. Every line of a damaged file is suspect, and a target that has got a wrong
 * value refuses the right one, because both have the same version.
 * @throws {SourceError} when the file is not the one of the manifest. @throws what `bytes` throws.
 */
export const checkFile = async (file: DataFile, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
  const md5 = createHash("md5");
  for await (const chunk of bytes) md5.update(chunk);
  checkMd5(file, md5.digest("base64"));
};

const checkMd5 = (file: DataFile, found: string): void => {
  if (found === file.md5) return;
  throw problem(file, `the MD5 of the file is ${found}`, `${file.md5}, as the manifest says`);
};

/**
 * Yields the lines after the first `skip` lines, a block at a time. Ends after the MD5 of the whole file was compared.
 * @throws {SourceError} when the file is not what the manifest says. @throws what `bytes` throws.
 */
export async function* linesOf(
  file: DataFile,
  bytes: AsyncIterable<Uint8Array>,
  skip: number,
): AsyncGenerator<LineBlock, void, undefined> {
  const input = hashed(bytes);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let count = 0;
  for await (const block of blocksOf(file, unpacked(file, input), () => count)) {
    const lines = decodeLines(file, block, decoder, count).split("\n");
    if (lines.at(-1) === "") lines.pop();
    const from = Math.min(lines.length, Math.max(0, skip - count));
    const firstLine = count + from + 1;
    count += lines.length;
    if (from < lines.length) yield { lines: from === 0 ? lines : lines.slice(from), firstLine };
  }
  if (skip > count) throw problem(file, `the cursor is line ${skip}`, `at most ${count}, the number of lines`);
  checkMd5(file, input.md5());
}
