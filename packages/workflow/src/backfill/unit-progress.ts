// How far a unit is between the turns of its worker: one object in S3. The state machine passes no cursor, because the
// cursor of a scan is the key of an item.

import { createHash, randomUUID } from "node:crypto";
import { fileUnit, type ManifestFile, type Unit, unitName, type VerifyUnit } from "@sluice/backfill";
import { isRecord } from "@sluice/core/sink-kit";
import type { RunObjects, Stored } from "./run-objects.ts";

/** What is known of a unit. */
export interface UnitProgress<Counts> {
  readonly unit: string;
  readonly isDone: boolean;
  /** Where the next turn continues. */
  readonly cursor?: unknown;
  /** Number of turns that have begun in the latest execution. */
  readonly turns: number;
  /** Name of the latest execution that has worked on the unit. */
  readonly execution?: string;
  readonly counts: Counts;
  /** Names of the objects with the unit's failures or findings, as NDJSON. */
  readonly lists: readonly string[];
  /** Why the unit failed. A later turn removes the reason. */
  readonly error?: string | undefined;
}

/** A unit that a turn is working on. */
export interface OpenUnit<Counts> {
  readonly progress: () => UnitProgress<Counts>;
  /**
   * Saves a checkpoint, with the lines that belong to it. If the worker dies between the two writes, the lines are in an
   * object that no state names.
   * @throws {UnitInterruptedError} UNIT_INTERRUPTED when another worker has taken the unit.
   */
  readonly save: (changes: Partial<UnitProgress<Counts>>, lines?: readonly unknown[]) => Promise<void>;
}

const unitsFolder = "units/";

const idOf = (unit: string): string => createHash("sha256").update(unit).digest("hex").slice(0, 24);

/** The name of the object with a unit's progress, relative to the run's prefix. */
export const progressName = (unit: string): string => `${unitsFolder}${idOf(unit)}.json`;

/** Encodes values as lines of JSON. */
export const ndjson = (values: readonly unknown[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");

/** Reads a unit's progress. `none` is the count of nothing. */
export const openUnit = async <Counts>(store: RunObjects, unit: string, none: Counts): Promise<OpenUnit<Counts>> => {
  const name = progressName(unit);
  let stored: Stored | undefined = await store.read(name);
  const fresh: UnitProgress<Counts> = { unit, isDone: false, turns: 0, counts: none, lists: [] };
  let progress = stored === undefined ? fresh : (JSON.parse(stored.text) as UnitProgress<Counts>);
  return {
    progress: () => progress,
    save: async (changes, lines = []) => {
      const list = `lists/${idOf(unit)}/${randomUUID()}.ndjson`;
      if (lines.length > 0) await store.write(list, ndjson(lines));
      const next = { ...progress, ...changes, lists: lines.length > 0 ? [...progress.lists, list] : progress.lists };
      stored = await store.replace(name, JSON.stringify(next), stored);
      progress = next;
    },
  };
};

const isManifestFile = (item: unknown): item is ManifestFile =>
  isRecord(item) && typeof item.dataFileS3Key === "string" && typeof item.md5Checksum === "string";

/** Returns the unit of an item of the Distributed Map: a line that the plan wrote, or a line of an export's manifest. */
export const unitOf = (item: unknown): Unit => (isManifestFile(item) ? fileUnit(item) : (item as Unit));

const isVerifyUnit = (item: unknown): item is VerifyUnit =>
  isRecord(item) && (item.kind === "items" || item.kind === "copies" || item.kind === "keys");

/** Returns a text that identifies an item of the Distributed Map in its run. */
export const itemName = (item: unknown): string => {
  if (!isVerifyUnit(item)) return unitName(unitOf(item));
  if (item.kind === "copies") return `copies of ${item.target}, part ${item.part}/${item.parts}`;
  return item.kind === "items" ? unitName(item.unit) : `${item.keys.length} keys`;
};
