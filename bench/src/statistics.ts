// Medians and spreads, as rounds on a shared machine have slow outliers.

const sorted = (values: readonly number[]): number[] => [...values].sort((left, right) => left - right);

/** The value at this share of the sorted values, interpolated: 0.5 is the median. */
export const quantile = (values: readonly number[], share: number): number => {
  const ordered = sorted(values);
  const place = (ordered.length - 1) * share;
  const below = ordered[Math.floor(place)] ?? Number.NaN;
  const above = ordered[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
};

/** The median. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Half the distance of the quartiles, in percent of the median: `±4 %`. */
export const spread = (values: readonly number[]): string => {
  const half = (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
  return `±${((100 * half) / median(values)).toFixed(0)} %`;
};

/** Three significant digits, without an exponent. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
