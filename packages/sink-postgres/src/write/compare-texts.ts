// The order of texts in a batch.

/** Compares by code units, not by locale, so that all writers sort in the same order. */
export const compareTexts = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
