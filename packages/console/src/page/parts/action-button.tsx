// A button that keeps the focus while it cannot be used: the keyboard does not lose its place.

import type { ComponentChildren } from "preact";

interface ActionButtonProps {
  /** Further classes, such as `button-main`. */
  readonly look?: "button-main" | "button-danger";
  readonly isDisabled: boolean;
  readonly onAction: () => void;
  readonly children: ComponentChildren;
}

/** A button whose action may be under way or not possible now. */
export const ActionButton = ({ look, isDisabled, onAction, children }: ActionButtonProps) => (
  <button
    type="button"
    class={look === undefined ? "button" : `button ${look}`}
    aria-disabled={isDisabled}
    onClick={() => {
      if (!isDisabled) onAction();
    }}
  >
    {children}
  </button>
);
