// The head of a screen.

import type { ComponentChildren } from "preact";

interface PageHeadProps {
  readonly title: string;
  /** What the screen shows, in one sentence. */
  readonly text?: ComponentChildren;
  /** Buttons of the whole screen. */
  readonly children?: ComponentChildren;
}

/** The title of a screen, with its buttons. */
export const PageHead = ({ title, text, children }: PageHeadProps) => (
  <div class="page-head">
    <div>
      <h1>{title}</h1>
      {text !== undefined && <p class="page-text">{text}</p>}
    </div>
    {children !== undefined && <div class="page-actions">{children}</div>}
  </div>
);
