// How far something is.

import { countText } from "../format.ts";

interface ProgressProps {
  readonly label: string;
  readonly done: number;
  /** Undefined if unknown: the bar then only shows that something moves. */
  readonly total: number | undefined;
  readonly isMoving?: boolean;
}

/** A bar of progress with its numbers. */
export const Progress = ({ label, done, total, isMoving = true }: ProgressProps) => {
  const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  return (
    <div class="progress">
      <div class="progress-text">
        <span>{label}</span>
        <span class="number">
          {total === undefined ? countText(done) : `${countText(done)} of ${countText(total)}`}
        </span>
      </div>
      <progress
        class={isMoving && share === undefined ? "progress-bar is-moving" : "progress-bar"}
        aria-label={label}
        max={1}
        value={share ?? (isMoving ? undefined : 0)}
      />
    </div>
  );
};
