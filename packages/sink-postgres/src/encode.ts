// From a delivery to the cells of its row. Which columns there are, and what each takes, comes from the catalogue;
// where the values come from, from the options.

import {
  type Change,
  ConfigError,
  type Image,
  type KeyValue,
  RecordError,
  SinkError,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import type { Settings } from "./options.ts";
import { type Catalogue, type CatalogueColumn, primaryKey } from "./schema/catalogue.ts";
import { compilePath } from "./schema/columns.ts";
import { guardColumns } from "./schema/relations.ts";
import { type Cell, type Codec, codecOf, Misfit, valueCell } from "./write/codec.ts";
import type { StatementColumn } from "./write/statements.ts";

/** A delivery, ready for the statement. */
export interface Entry {
  readonly delivery: UpsertDelivery<unknown>;
  /** The key columns, then the others; a removal has the key columns only. */
  readonly cells: readonly Cell[];
  /** The cells of the key as one text: equal for one row. */
  readonly rowKey: string;
}

/** A column that the sink writes. */
export interface WrittenColumn extends StatementColumn {
  readonly codec: Codec;
}

/** The columns that the sink writes: keys first. */
export interface WrittenColumns {
  readonly keys: readonly WrittenColumn[];
  readonly columns: readonly WrittenColumn[];
}

const written = ({ name, type, baseType }: CatalogueColumn): WrittenColumn => {
  const codec = codecOf(baseType);
  return { name, type, codec, isCastByRow: codec === "json" || typeof codec === "object" };
};

const missing = (settings: Settings, problem: string): SinkError =>
  new SinkError("SINK_MISSING", `[${settings.name}] ${settings.relations.rows} ${problem}`);

const find = (settings: Settings, catalogue: Catalogue, names: readonly string[]): WrittenColumn[] =>
  names.map((name) => {
    const column = catalogue.columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw missing(settings, `has no column "${name}"; ensure() adds the declared ones`);
    return written(column);
  });

const keyNames = (settings: Settings, catalogue: Catalogue): readonly string[] => {
  const { key } = settings;
  if (Array.isArray(key)) return key;
  if (typeof key === "object") return Object.keys(key);
  const names = primaryKey(catalogue).map(({ name }) => name);
  if (names.length === 0)
    throw missing(settings, 'has no primary key; name the columns of a unique index in option "key"');
  return names;
};

/** What a mapper's rows carry by default: a default stays Postgres' business, a generated column always is. */
const isWritable = ({ name, isGenerated, hasDefault }: CatalogueColumn): boolean =>
  !isGenerated && !hasDefault && !guardColumns.has(name);

const rowNames = ({ listed, declared }: Settings, catalogue: Catalogue): readonly string[] =>
  listed ?? declared?.map(({ name }) => name) ?? catalogue.columns.filter(isWritable).map(({ name }) => name);

/**
 * The columns to write.
 * @throws {SinkError} SINK_MISSING when the table lacks one of them, or a primary key
 */
export const writtenColumns = (settings: Settings, catalogue: Catalogue): WrittenColumns => {
  const keys = keyNames(settings, catalogue);
  const columns = rowNames(settings, catalogue).filter((name) => !keys.includes(name));
  return { keys: find(settings, catalogue, keys), columns: find(settings, catalogue, columns) };
};

/** Reads one column's cell from a key, an image or a row. */
type Reader<Source> = (source: Source) => Cell;

/** Appends a cell for each column. One loop with one catch: bench, a closure for each cell took twice as long. */
const readCells = <Source>(
  cells: Cell[],
  columns: readonly WrittenColumn[],
  readers: readonly Reader<Source>[],
  source: Source,
): void => {
  let index = 0;
  try {
    for (const read of readers) {
      cells.push(read(source));
      index += 1;
    }
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    throw new Misfit(`column "${columns[index]?.name}": ${error.message}`);
  }
};

const attributeFor = (settings: Settings, column: string): string => {
  const { key } = settings;
  if (typeof key !== "object" || Array.isArray(key)) return column;
  return (key as Readonly<Record<string, string>>)[column] ?? column;
};

const keyAttributeReader = (settings: Settings, { name, codec }: WrittenColumn): Reader<Change> => {
  const attribute = attributeFor(settings, name);
  return ({ keys }) => {
    const value = keys[attribute];
    if (value !== undefined) return valueCell(value, codec);
    const problem = `column "${name}" is filled from "${attribute}", which is no key attribute of the item`;
    throw new ConfigError("CONFIG_INVALID", `option "key": ${problem}`);
  };
};

type KeyFunction = (keys: Change["keys"]) => { readonly [column: string]: KeyValue };

const callKeyFunction = (keyOf: KeyFunction, change: Change): { readonly [column: string]: KeyValue } => {
  try {
    return keyOf(change.keys);
  } catch (cause) {
    throw new RecordError("MAPPING_FAILED", 'the function in option "key" threw', { cause });
  }
};

const keyRowReader =
  ({ name, codec }: WrittenColumn): Reader<{ readonly [column: string]: KeyValue }> =>
  (row) => {
    const cell = valueCell(row[name], codec);
    if (cell === null) throw new Misfit('the function in option "key" gave it no value');
    return cell;
  };

const compileKeys = (settings: Settings, keys: readonly WrittenColumn[]): ((change: Change, cells: Cell[]) => void) => {
  const { key } = settings;
  if (typeof key === "function") {
    const readers = keys.map(keyRowReader);
    return (change, cells) => readCells(cells, keys, readers, callKeyFunction(key, change));
  }
  const readers = keys.map((column) => keyAttributeReader(settings, column));
  return (change, cells) => readCells(cells, keys, readers, change);
};

/** Appends the cells of a message to those of its key. */
type EncodeMessage = (message: unknown, cells: Cell[]) => void;

const compileDeclared = (settings: Settings, columns: readonly WrittenColumn[]): EncodeMessage => {
  const paths = new Map(settings.declared?.map(({ name, path }) => [name, path]));
  const readers = columns.map(({ name, codec }) => compilePath(paths.get(name) ?? [name], codec));
  return (message, cells) => readCells(cells, columns, readers, message as Image);
};

type Row = Readonly<Record<string, unknown>>;

const checkNames = (row: Row, known: ReadonlySet<string>): void => {
  for (const name of Object.keys(row)) {
    if (known.has(name) || row[name] === undefined) continue;
    throw new Misfit(
      `column "${name}" is not written: it does not exist, is generated, or has a default and is not listed in option "columns"`,
    );
  }
};

const memberOf = (row: Row, name: string): unknown => (Object.hasOwn(row, name) ? row[name] : undefined);

/** Reads a key column that the row may name too, and refuses a value that is not the key's. */
const compileAgreement = (keys: readonly WrittenColumn[]): ((row: Row, cells: readonly Cell[]) => void) => {
  const readers = keys.map(
    ({ name, codec }): Reader<Row> =>
      (row) =>
        valueCell(memberOf(row, name), codec),
  );
  return (row, cells) => {
    if (!keys.some(({ name }) => memberOf(row, name) !== undefined)) return;
    const found: Cell[] = [];
    readCells(found, keys, readers, row);
    const odd = keys.find(({ name }, index) => memberOf(row, name) !== undefined && found[index] !== cells[index]);
    if (odd !== undefined) throw new Misfit(`column "${odd.name}": the row's value is not that of the item's key`);
  };
};

const compileRow = ({ keys, columns }: WrittenColumns): EncodeMessage => {
  const known = new Set([...keys, ...columns].map(({ name }) => name));
  const checkAgreement = compileAgreement(keys);
  const readers = columns.map(
    ({ name, codec }): Reader<Row> =>
      (row) =>
        valueCell(memberOf(row, name), codec),
  );
  return (message, cells) => {
    if (typeof message !== "object" || message === null) throw new Misfit("the mapper returned no row");
    const row = message as Row;
    checkNames(row, known);
    checkAgreement(row, cells);
    readCells(cells, columns, readers, row);
  };
};

/**
 * Text in the order of its code units, and everything else by length first: numbers then come in the order of the
 * index, which saves a fifth of an insert. A NUL cannot be in a cell that Postgres takes, so it separates.
 */
const compileRowKey = (keys: readonly WrittenColumn[]): ((cells: readonly Cell[]) => string) => {
  const prefixOf = ({ codec }: WrittenColumn, cell: string): string =>
    codec === "text" ? "" : String.fromCharCode(cell.length);
  const partOf = (column: WrittenColumn, cell: Cell = ""): string => prefixOf(column, cell ?? "") + (cell ?? "");
  const [only] = keys;
  if (keys.length === 1 && only !== undefined) return ([cell]) => partOf(only, cell);
  return (cells) => keys.map((column, index) => partOf(column, cells[index])).join("\0");
};

/**
 * Makes the function that encodes deliveries.
 * @returns a function that throws {SinkError} SINK_REJECTED for a row that its columns cannot take, and {RecordError}
 * MAPPING_FAILED when the user's key function throws
 */
export const compileEncode = (
  settings: Settings,
  columns: WrittenColumns,
): ((delivery: UpsertDelivery<unknown>) => Entry) => {
  const encodeKeys = compileKeys(settings, columns.keys);
  const rowKeyOf = compileRowKey(columns.keys);
  const encodeMessage =
    settings.declared === undefined ? compileRow(columns) : compileDeclared(settings, columns.columns);
  return (delivery) => {
    const cells: Cell[] = [];
    try {
      encodeKeys(delivery.change, cells);
      const rowKey = rowKeyOf(cells);
      if (delivery.message !== undefined) encodeMessage(delivery.message, cells);
      return { delivery, cells, rowKey };
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      throw new SinkError("SINK_REJECTED", `[${settings.name}] ${error.message}`);
    }
  };
};
