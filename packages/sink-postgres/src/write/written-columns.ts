// Finds the columns that the sink writes, from option `columns` and the table's catalogue.

import { keySources, SinkError } from "@sluice/core/sink-kit";
import type { PostgresSettings } from "../options.ts";
import { type Catalogue, type CatalogueColumn, primaryKey } from "../schema/catalogue.ts";
import { guardColumns } from "../schema/relations.ts";
import { type Codec, codecOf } from "./codec.ts";
import { holderOf } from "./key-text.ts";
import type { StatementColumn } from "./statements.ts";

/** A column that the sink writes. */
export interface WrittenColumn extends StatementColumn {
  readonly codec: Codec;
  /** The type with its length or precision. */
  readonly fullType: string;
  /** If the type is a domain, the type on which the domain is based. Otherwise the type. Without length and precision. */
  readonly baseType: string;
  /** The length or precision as the catalogue stores it, -1 without one. */
  readonly modifier: string;
  readonly output: CatalogueColumn["output"];
  /** The type's object identifier. */
  readonly typeOid: string;
  /** False for a text that the column certainly cannot hold. Undefined if only Postgres can tell. */
  readonly canHold: ((text: string) => boolean) | undefined;
}

/** The columns that the sink writes. */
export interface WrittenColumns {
  readonly keys: readonly WrittenColumn[];
  /** The columns that are not part of the key. */
  readonly columns: readonly WrittenColumn[];
  /** The names of all columns of the table. */
  readonly existing: ReadonlySet<string>;
}

/** Returns a column of the catalogue as one that the sink writes. */
export const written = (column: CatalogueColumn): WrittenColumn => {
  const { name, type, typeOid, baseType, isIdentity, fullType, modifier, output } = column;
  const codec = codecOf(baseType);
  const checkedType = codec === "text" ? undefined : typeOid;
  const isCastByRow = codec === "json" || typeof codec === "object";
  const types = { type, typeOid, fullType, baseType, modifier, output };
  return { name, ...types, checkedType, isIdentity, codec, isCastByRow, canHold: holderOf(baseType) };
};

const missing = ({ name, relations }: PostgresSettings, problem: string): SinkError =>
  new SinkError("SINK_MISSING", `[${name}] ${relations.rows} ${problem}`);

const find = (settings: PostgresSettings, catalogue: Catalogue, names: readonly string[]): WrittenColumn[] =>
  names.map((name) => {
    const column = catalogue.columns.find((candidate) => candidate.name === name);
    if (column !== undefined) return written(column);
    throw missing(settings, `has no column "${name}"; ensure() adds the declared columns`);
  });

const keyNames = (settings: PostgresSettings, catalogue: Catalogue): readonly string[] => {
  const sources = keySources(settings.key);
  if (sources !== undefined) return [...sources.keys()];
  const names = primaryKey(catalogue).map(({ name }) => name);
  if (names.length > 0) return names;
  throw missing(settings, 'has no primary key; name the columns of a unique index in option "key"');
};

/** Whether the sink writes the column by default. If the column is generated or has a default, Postgres fills it. */
const isWritable = ({ name, isGenerated, hasDefault }: CatalogueColumn): boolean =>
  !isGenerated && !hasDefault && !guardColumns.has(name);

const rowNames = ({ listed, declared }: PostgresSettings, catalogue: Catalogue): readonly string[] =>
  listed ?? declared?.map(({ name }) => name) ?? catalogue.columns.filter(isWritable).map(({ name }) => name);

/** Returns the columns to write. @throws {SinkError} SINK_MISSING when the table lacks a column or a primary key. */
export const writtenColumns = (settings: PostgresSettings, catalogue: Catalogue): WrittenColumns => {
  const keys = keyNames(settings, catalogue);
  const columns = rowNames(settings, catalogue).filter((name) => !keys.includes(name));
  const generated = catalogue.columns.find(({ name, isGenerated }) => isGenerated && columns.includes(name));
  if (generated !== undefined) {
    throw missing(settings, `generates column "${generated.name}" itself; leave it out of option "columns"`);
  }
  const existing = new Set(catalogue.columns.map(({ name }) => name));
  return { keys: find(settings, catalogue, keys), columns: find(settings, catalogue, columns), existing };
};
