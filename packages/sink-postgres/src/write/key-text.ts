// Recognises texts that a key column certainly cannot hold. For types that are not here, only Postgres can tell.

/** Postgres 16 also reads `0x1F` and `1_000`. */
const integer = /^\s*[-+]?(0[xob][\da-f_]+|\d[\d_]*)\s*$/i;
const decimal = /^\s*[-+]?(0[xob][\da-f_]+|(\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)(e[-+]?[\d_]+)?|inf|infinity|nan)\s*$/i;
const uuid = /^\{?([\da-f]{4}-?){8}\}?$/i;

const integerOf =
  (bits: number) =>
  (text: string): boolean => {
    if (!integer.test(text)) return false;
    if (!/^[-+]?\d+$/.test(text)) return true;
    // A bigint has at most 19 digits. A forged key may have thousands.
    if (text.replace(/^[-+]?0*/, "").length > 19) return false;
    const value = BigInt(text.replace("+", ""));
    return BigInt.asIntN(bits, value) === value;
  };

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  smallint: integerOf(16),
  integer: integerOf(32),
  bigint: integerOf(64),
  numeric: (text) => decimal.test(text),
  uuid: (text) => uuid.test(text),
};

/** Returns the function that tells whether a column of this type may hold a text; undefined if only Postgres can tell. */
export const holderOf = (type: string): ((text: string) => boolean) | undefined => checks[type];
