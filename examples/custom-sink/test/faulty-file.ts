// A file on disk that can simulate the faults of the conformance kit.

import type { Fault } from "@sluice/testing";
import { type LineFile, openLineFile } from "../src/line-file.ts";

interface FaultyFile {
  readonly open: (path: string) => Promise<LineFile>;
  /** Number of times that the file was opened, plus number of writes. */
  readonly requests: () => number;
  readonly fail: (fault: Fault) => Promise<void>;
  readonly endFault: () => void;
}

type Errno = "EMFILE" | "EIO" | "EACCES";

const errnoError = (code: Errno): Error => Object.assign(new Error(`${code}: injected by the test`), { code });

const codeOf: { readonly [Kind in Fault["kind"]]?: Errno } = { throttle: "EMFILE", down: "EIO", deny: "EACCES" };

/** Creates a file that has no faults at first. */
export const faultyFile = (): FaultyFile => {
  let count = 0;
  let fault: Fault["kind"] | undefined;
  const hanging = new Set<(error: Error) => void>();
  const opened = new Set<LineFile>();

  const append = async (file: LineFile, text: string): Promise<void> => {
    count += 1;
    const code = fault && codeOf[fault];
    if (code !== undefined) throw errnoError(code);
    if (fault === "hang") return new Promise((_resolve, reject) => hanging.add(reject));
    await file.append(text);
    if (fault === "drop-after-send") throw errnoError("EIO");
  };

  const close = async (file: LineFile): Promise<void> => {
    if (opened.delete(file)) await file.close();
  };

  return {
    open: async (path) => {
      count += 1;
      const file = await openLineFile(path);
      opened.add(file);
      return { append: (text) => append(file, text), close: () => close(file) };
    },
    requests: () => count,
    fail: async ({ kind }) => {
      if (kind === "close-idle") await Promise.all([...opened].map(close));
      else fault = kind;
    },
    endFault: () => {
      fault = undefined;
      for (const reject of hanging) reject(errnoError("EIO"));
      hanging.clear();
    },
  };
};
