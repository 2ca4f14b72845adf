// Numbers over time as paths of SVG. No DOM.

/** Size of a drawing in pixels. */
export interface DrawingSize {
  readonly width: number;
  readonly height: number;
}

/** The line of a series; gaps where a value is null. Empty without a value. */
export const linePath = (values: readonly (number | null)[], { width, height }: DrawingSize, max: number): string => {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const top = Math.max(max, Number.MIN_VALUE);
  let isDrawing = false;
  let path = "";
  for (const [index, value] of values.entries()) {
    if (value === null) {
      isDrawing = false;
      continue;
    }
    const y = height - (Math.max(0, value) / top) * height;
    path += `${isDrawing ? "L" : "M"}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    // A value between two gaps would have no length.
    if (!isDrawing && (values[index + 1] ?? null) === null) path += "h0.1";
    isDrawing = true;
  }
  return path;
};

/** The highest value; 0 without a value. */
export const highest = (values: readonly (number | null)[]): number =>
  values.reduce<number>((max, value) => (value !== null && value > max ? value : max), 0);
