import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "@jest/globals";
import { type AppendDelivery, type Delivery, toJson } from "@sluice/core/sink-kit";
import { type AppendRig, conforms } from "@sluice/testing";
import { jsonLines, type Line } from "../src/json-lines.ts";
import { faultyFile } from "./faulty-file.ts";

const maxLineBytes = 4_096;

const sizeOf = (delivery: Delivery): number => {
  const { message, idempotencyKey } = delivery as AppendDelivery<Line>;
  return Buffer.byteLength(`${toJson({ ...message, idempotencyKey })}\n`);
};

const sentOf = (line: string): { readonly message: Line; readonly idempotencyKey: string } => {
  const { idempotencyKey, ...message } = JSON.parse(line);
  return { message, idempotencyKey };
};

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** Creates a real file in its own folder. The conformance kit can inject faults into this file. */
const openRig = async (): Promise<AppendRig<Line>> => {
  const folder = await mkdtemp(join(tmpdir(), "custom-sink-"));
  const path = join(folder, "changes.jsonl");
  const file = faultyFile();
  return {
    sink: jsonLines({ path, maxLineBytes, open: file.open }),
    toMessage: ({ version, kind, after }) => ({ version, kind, after }),
    read: async () => linesOf(await readFile(path, { encoding: "utf8", flag: "a+" })).map(sentOf),
    requests: file.requests,
    fail: file.fail,
    endFault: file.endFault,
    close: () => rm(folder, { recursive: true }),
  };
};

const wholeWrites = "a file accepts or rejects a whole write, not single lines";

conforms(
  { describe, test },
  {
    name: "jsonLines",
    writes: "append",
    limits: { maxBytes: { total: maxLineBytes, sizeOf } },
    skip: { C07: "a file does not limit the number of entries" },
    cannot: { "throttle-one": wholeWrites, refuse: wholeWrites },
    badOptions: {
      path: () => jsonLines({ path: "" }),
      maxLineBytes: () => jsonLines({ path: "changes.jsonl", maxLineBytes: 0.5 }),
    },
    open: openRig,
  },
);
