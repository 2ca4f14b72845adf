// Translates errors of the file system into codes. https://man7.org/linux/man-pages/man2/open.2.html and write.2.html

import { SinkError, type SinkErrorCode } from "@sluice/core/sink-kit";

const codes: Readonly<Record<string, SinkErrorCode>> = {
  EMFILE: "SINK_THROTTLED", // too many open files
  ENFILE: "SINK_THROTTLED",
  EDQUOT: "SINK_UNAVAILABLE", // the disk quota is exhausted; an administrator can raise the quota
  ENOSPC: "SINK_UNAVAILABLE",
  EIO: "SINK_UNAVAILABLE",
  ESTALE: "SINK_UNAVAILABLE", // NFS: the file handle belongs to an earlier mount
  ETIMEDOUT: "SINK_TIMEOUT",
  EACCES: "SINK_DENIED",
  EPERM: "SINK_DENIED",
  EROFS: "SINK_DENIED",
  ENOENT: "SINK_MISSING", // the folder is missing (a missing file would be created)
  ENOTDIR: "SINK_MISSING",
  EISDIR: "SINK_MISSING",
};

/**
 * Returns the code of a system error, such as `ENOENT`, or undefined for codes such as `ERR_INVALID_ARG_TYPE`.
 * Does not use `instanceof`, which fails under Jest, because Jest runs tests in a realm with its own classes.
 */
const systemCode = (error: unknown): string | undefined => {
  const { code } = Object(error) as { readonly code?: unknown };
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
};

/**
 * Converts an error of `node:fs` into a `SinkError`. Unknown system errors become SINK_UNAVAILABLE, which core retries.
 * @throws any other error, because such an error is a bug, and a bug must fail the invocation
 */
export const classify = (error: unknown): SinkError => {
  if (error instanceof SinkError) return error; // `writeInRequests` throws SINK_TIMEOUT if the signal aborts
  const code = systemCode(error);
  if (code === undefined) throw error;
  return new SinkError(codes[code] ?? "SINK_UNAVAILABLE", `[json-lines] the file cannot be written: ${code}`, {
    cause: error,
  });
};
