// Medians and spreads: rounds on a machine that does other things too have outliers, and only slow ones.

const sorted = (values: readonly number[]): number[] => [...values].sort((left, right) => left - right);

/** The value at a share of the sorted values: 0.5 is the median, interpolated between two in the middle. */
export const quantile = (values: readonly number[], share: number): number => {
  const ordered = sorted(values);
  const place = (ordered.length - 1) * share;
  const below = ordered[Math.floor(place)] ?? Number.NaN;
  const above = ordered[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
};

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The middle half of the values in percent of the median: `±4 %` says that half of the rounds were that close. */
export const spread = (values: readonly number[]): string => {
  const half = (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
  return `±${((100 * half) / median(values)).toFixed(0)} %`;
};

/** Three significant digits, without an exponent. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
