// Medians and spreads instead of means, because on a shared machine a few rounds are much slower than the others.

const sorted = (values: readonly number[]): number[] => [...values].sort((left, right) => left - right);

/** Returns the quantile of the values, interpolated. If `share` is 0.5, the quantile is the median. */
export const quantile = (values: readonly number[], share: number): number => {
  const ordered = sorted(values);
  const place = (ordered.length - 1) * share;
  const below = ordered[Math.floor(place)] ?? Number.NaN;
  const above = ordered[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
};

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Returns half the distance between the quartiles, in percent of the median, as `±4 %`. */
export const spread = (values: readonly number[]): string => {
  const half = (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
  return `±${((100 * half) / median(values)).toFixed(0)} %`;
};

/** Rounds a value to three significant digits. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
