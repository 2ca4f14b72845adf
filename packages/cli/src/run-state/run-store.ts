// Opens the store that keeps the state of a run, in the place that the user names.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileStore, isRunId, objectStore, type RunStore, tableStore } from "@sluice/backfill";
import { failing } from "../aws/aws-failure.ts";
import { type AwsOptions, dynamodbClient, s3Client } from "../aws/clients.ts";
import { CommandError } from "../command-line/command-error.ts";

/** Where the states of runs are: in files of a folder, in objects under a prefix, or in items of a table. */
export type RunPlace =
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "objects"; readonly url: string }
  | { readonly kind: "table"; readonly table: string };

/** The folder of runs, in the working directory. */
export const runFolder: string = join(".sluice", "runs");

/** The options of commands that have runs. */
export const runOptions = {
  run: {
    type: "string",
    value: "ID",
    help: "id of the run; a run that was interrupted is resumed with its id (default: a new id)",
  },
  state: {
    type: "string",
    value: "PLACE",
    help: "where the run's state is kept: a folder, s3://bucket/prefix, or table:NAME for an item of the dedupe table (default: .sluice/runs)",
  },
} as const;

/** Creates the id of a new run: its time, and some random digits. */
export const newRunId = (now: number): string => {
  const [date = "", time = ""] = new Date(now).toISOString().split("T");
  return `${date.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${randomBytes(2).toString("hex")}`;
};

/** Reads the option `--run`. @throws {CommandError} when the text cannot be an id */
export const runIdIn = (text: string | undefined, now: number): string => {
  if (text === undefined) return newRunId(now);
  if (isRunId(text)) return text;
  throw new CommandError(
    `--run is "${text}"; expected letters, digits, and the characters . _ - after the first, at most 100 in all`,
  );
};

/** Reads the option `--state`. @throws {CommandError} when the text is no place */
export const runPlaceIn = (text: string | undefined): RunPlace => {
  if (text === undefined) return { kind: "folder", folder: runFolder };
  if (text.startsWith("s3:")) {
    if (/^s3:\/\/[^/]+(\/|$)/.test(text)) return { kind: "objects", url: text.replace(/\/+$/, "") };
    throw new CommandError(`--state is "${text}"; expected s3://bucket/prefix`);
  }
  if (!text.startsWith("table:")) return { kind: "folder", folder: text };
  const table = text.slice("table:".length);
  if (table !== "") return { kind: "table", table };
  throw new CommandError('--state is "table:"; expected the table\'s name after the colon');
};

/** A store, and how to close its client. */
export interface OpenStore {
  readonly store: RunStore;
  readonly close: () => Promise<void>;
}

/** Turns errors of the SDK, and of the disk, into errors of one line. Errors of the store itself pass. */
const described = (store: RunStore): RunStore => {
  const subject = `the run's state, ${store.place}`;
  const orFailure = (error: unknown): never => {
    if (error instanceof Error && /^Run(State|Taken)Error$/.test(error.name)) throw error;
    return failing(subject)(error);
  };
  return {
    place: store.place,
    open: () => store.open().catch(orFailure),
    save: (state) => store.save(state).catch(orFailure),
    close: () => store.close().catch(orFailure),
  };
};

/** Opens the store of a run. Its `open` is still to be called. */
export const openRunStore = async (place: RunPlace, run: string, aws: AwsOptions): Promise<OpenStore> => {
  if (place.kind === "folder") {
    const store = described(fileStore({ path: join(place.folder, `${run}.json`), run }));
    return { store, close: store.close };
  }
  if (place.kind === "objects") {
    const client = await s3Client(aws);
    const store = described(objectStore({ client, url: `${place.url}/${run}.json`, run }));
    return { store, close: async () => client.destroy() };
  }
  const client = await dynamodbClient(aws, place.table);
  const store = described(tableStore({ client, table: place.table, run }));
  return { store, close: async () => client.destroy() };
};
