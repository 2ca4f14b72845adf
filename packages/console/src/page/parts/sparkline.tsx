// A small drawing of a series, beside the number that it explains.

import { linePath, type Point, thinned } from "../series.ts";

interface SparklineProps {
  /** Read by screen readers in place of the drawing. */
  readonly label: string;
  readonly values: readonly Point[];
  readonly tone?: "rate" | "lag" | "bad";
}

const size = { width: 72, height: 20 };

/** A line without axes. */
export const Sparkline = ({ label, values, tone = "rate" }: SparklineProps) => (
  <svg
    class={`sparkline sparkline-${tone}`}
    viewBox={`0 -1 ${size.width} ${size.height + 2}`}
    role="img"
    aria-label={label}
  >
    <path class="sparkline-base" d={`M0 ${size.height}H${size.width}`} />
    <path class="sparkline-line" d={linePath(thinned(values, size.width / 2), size)} />
  </svg>
);
