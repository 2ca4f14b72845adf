// Reads a file line by line. Does not use Node's readline, which also splits lines at the characters U+2028 and U+2029.

import { createReadStream } from "node:fs";

const lineFeed = 10;

/** Yields the lines of a file without their line ends. Calls `onData` with each part of the file. */
export async function* linesOf(path: string, onData: (part: Buffer) => void = () => undefined): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
    onData(part);
    let start = 0;
    for (let end = part.indexOf(lineFeed); end !== -1; end = part.indexOf(lineFeed, start)) {
      yield Buffer.concat([...rest, part.subarray(start, end)]).toString();
      rest = [];
      start = end + 1;
    }
    if (start < part.length) rest.push(part.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString();
}
