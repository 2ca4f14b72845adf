// A long list of rows of one height: only the rows that are seen are in the DOM.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { virtualRange } from "../virtual-range.ts";

interface VirtualListProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  /** Height of each row in pixels. */
  readonly rowHeight: number;
  readonly keyOf: (row: Row) => string | number;
  readonly render: (row: Row, index: number) => ComponentChildren;
  /** Stays at the top. */
  readonly head?: ComponentChildren;
  /** Called when the list is scrolled: its distance from the top, and from the end. */
  readonly onScroll?: ((fromTop: number, fromEnd: number) => void) | undefined;
}

/** A scrolling list. Its height is that of its place in the page. */
export const VirtualList = <Row,>({ label, rows, rowHeight, keyOf, render, head, onScroll }: VirtualListProps<Row>) => {
  const box = useRef<HTMLElement>(null);
  const place = useSignal({ scrollTop: 0, height: 800 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => {
      place.value = { scrollTop: element.scrollTop, height: element.clientHeight };
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);
  const scrolled = (): void => {
    const element = box.current;
    if (element === null) return;
    place.value = { scrollTop: element.scrollTop, height: element.clientHeight };
    onScroll?.(element.scrollTop, element.scrollHeight - element.clientHeight - element.scrollTop);
  };
  const { first, last } = virtualRange({ ...place.value, rowHeight }, rows.length);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll the list.
    <section class="virtual" ref={box} onScroll={scrolled} tabIndex={0} aria-label={label}>
      {head !== undefined && <div class="virtual-head">{head}</div>}
      <ul class="virtual-rows" style={{ height: `${rows.length * rowHeight}px` }}>
        {rows.slice(first, last).map((row, index) => (
          <li
            key={keyOf(row)}
            class="virtual-row"
            style={{ height: `${rowHeight}px`, transform: `translateY(${(first + index) * rowHeight}px)` }}
            aria-setsize={rows.length}
            aria-posinset={first + index + 1}
          >
            {render(row, first + index)}
          </li>
        ))}
      </ul>
    </section>
  );
};
