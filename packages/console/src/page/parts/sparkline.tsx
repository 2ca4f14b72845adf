// A small drawing of a series, beside the number that it explains.

import { highest, linePath } from "../series.ts";

interface SparklineProps {
  /** Read by screen readers in place of the drawing. */
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly tone?: "plain" | "lag" | "bad";
}

const size = { width: 96, height: 22 };

/** A line without axes. */
export const Sparkline = ({ label, values, tone = "plain" }: SparklineProps) => (
  <svg
    class={`sparkline sparkline-${tone}`}
    viewBox={`0 -1 ${size.width} ${size.height + 2}`}
    role="img"
    aria-label={label}
  >
    <path class="sparkline-base" d={`M0 ${size.height}H${size.width}`} />
    <path class="sparkline-line" d={linePath(values, size, highest(values))} />
  </svg>
);
