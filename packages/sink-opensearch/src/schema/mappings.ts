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

type Fields = { readonly [field: string]: OpensearchField };

const both = (one: OpensearchField, other: OpensearchField): OpensearchField => ({
  ...one,
  ...other,
  ...((one.properties ?? other.properties) && {
    properties: mergedFields(one.properties ?? {}, other.properties ?? {}),
  }),
});

const mergedFields = (one: Fields, other: Fields): Fields => {
  const fields = new Map(Object.entries(one));
  for (const [name, field] of Object.entries(other)) {
    const known = fields.get(name);
    fields.set(name, known === undefined ? field : both(known, field));
  }
  return Object.fromEntries(fields);
};

const expandedField = (field: OpensearchField): OpensearchField =>
  field.properties === undefined ? field : { ...field, properties: expandedFields(field.properties) };

/**
 * Returns the fields as OpenSearch stores them: the field `a.b` is the field `b` of the object `a`. A name with a misplaced dot
 * stays as it is, because OpenSearch refuses it.
 */
export const expandedFields = (fields: Fields): Fields =>
  Object.entries(fields).reduce<Fields>((all, [name, field]) => {
    const path = /^\.|\.\.|\.$/.test(name) ? [name] : name.split(".");
    const [head = name, ...below] = path;
    const whole = below.reduceRight<OpensearchField>(
      (inner, part) => ({ properties: { [part]: inner } }),
      expandedField(field),
    );
    return mergedFields(all, { [head]: whole });
  }, {});
