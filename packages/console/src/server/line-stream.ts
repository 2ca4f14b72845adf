// An answer of many lines, to a page that may read slowly, or not at all.

const encoder = new TextEncoder();

/** Bytes that wait for a page that does not read, besides what the sockets hold. */
const waitingBytes = 64 * 1024;

/** An answer of lines. */
export interface LineStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Whether the page reads: if not, a line would only wait. */
  readonly isReady: () => boolean;
  readonly write: (line: unknown) => void;
  readonly end: () => void;
}

/** What a stream tells. */
export interface LineEvents {
  /** The page reads again. */
  readonly onReady: () => void;
  /** The page has gone. */
  readonly onGone: () => void;
}

/** Creates an answer of lines of JSON. */
export const lineStream = ({ onReady, onGone }: LineEvents): LineStream => {
  let open: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        open = controller;
      },
      pull: onReady,
      cancel: () => {
        open = undefined;
        onGone();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: waitingBytes }),
  );
  return {
    body,
    isReady: () => (open?.desiredSize ?? 0) > 0,
    write: (line) => open?.enqueue(encoder.encode(`${JSON.stringify(line)}\n`)),
    end: () => {
      open?.close();
      open = undefined;
    },
  };
};
