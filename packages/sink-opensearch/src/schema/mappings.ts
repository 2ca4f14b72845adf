// The format of mappings.

/** Mappings of the index, in OpenSearch's format. */
export interface OpensearchMappings {
  readonly properties?: { readonly [field: string]: OpensearchField };
  readonly [parameter: string]: unknown;
}

/** The mapping of one field. */
export interface OpensearchField {
  readonly type?: string;
  readonly properties?: { readonly [field: string]: OpensearchField };
  /** Additional ways to index the same value: `{ exact: { type: "keyword" } }`. */
  readonly fields?: { readonly [field: string]: OpensearchField };
  readonly [parameter: string]: unknown;
}
