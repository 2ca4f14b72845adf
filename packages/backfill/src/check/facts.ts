// The facts that decide whether a run may start.

/** The table that a run copies. */
export interface TableFacts {
  readonly name: string;
  /** The latest stream; undefined if the table never had one. */
  readonly streamArn: string | undefined;
  /** Undefined if the stream is disabled. */
  readonly streamViewType: string | undefined;
}

/** An event source mapping, by which Lambda gives the stream to a function. */
export interface MappingFacts {
  /** Name of the function. */
  readonly functionName: string;
  /** `Enabled`, `Disabled`, `Creating` and so on. */
  readonly state: string;
  /** `TRIM_HORIZON` or `LATEST`. */
  readonly startingPosition: string | undefined;
  /**
   * When the mapping was created, changed, enabled or disabled last, in milliseconds since 1970. Lambda does not tell the
   * time of the creation.
   */
  readonly lastModifiedMs: number | undefined;
}

/** What is known of the functions that get the changes of the table. */
export type LiveFacts =
  | { readonly kind: "mappings"; readonly functionName: string | undefined; readonly mappings: readonly MappingFacts[] }
  /** DynamoDB runs on this machine, and no function was named. */
  | { readonly kind: "local" }
  /** Lambda cannot be asked. */
  | { readonly kind: "unknown"; readonly reason: string };

/** The export that a run copies. */
export interface ExportFacts {
  /** The time of the data, in milliseconds since 1970. */
  readonly exportTimeMs: number;
}

/** What a dry run of some records came to. */
export interface SampleFacts {
  /** Records that a route takes: no filter refuses them. */
  readonly records: number;
  /** How many of them would fail. */
  readonly failures: number;
  /** The most frequent failure. It has no values of items. */
  readonly example:
    | { readonly code: string; readonly message: string; readonly route?: string | undefined }
    | undefined;
}

/** Routes whose targets hold versions of a later stream, and one of these versions. */
export interface AheadFacts {
  readonly route: string;
  readonly version: string;
}

/** All facts. A fact that is undefined is not checked. */
export interface RunFacts {
  readonly table: TableFacts;
  readonly live: LiveFacts | undefined;
  readonly exported: ExportFacts | undefined;
  readonly sample: SampleFacts | undefined;
  readonly ahead: readonly AheadFacts[];
  /** Milliseconds since 1970. */
  readonly now: number;
}
