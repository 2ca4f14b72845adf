// Which rows of a long list are in the DOM. No DOM.

/** Rows from `first` to before `last`. */
export interface VirtualRange {
  readonly first: number;
  readonly last: number;
}

/** The rows that are seen at a position of the scroller, and some more above and below. */
export const virtualRange = (
  { scrollTop, height, rowHeight }: { readonly scrollTop: number; readonly height: number; readonly rowHeight: number },
  count: number,
  spare = 8,
): VirtualRange => {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare);
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + spare);
  return { first: Math.min(first, last), last };
};
