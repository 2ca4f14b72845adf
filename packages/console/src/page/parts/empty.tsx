// What to do where there is nothing to see.

import type { ComponentChildren } from "preact";
import { CommandLine } from "./copy.tsx";

interface EmptyProps {
  readonly title: string;
  /** One sentence. */
  readonly text: string;
  /** What to run next. */
  readonly command?: string | undefined;
  readonly children?: ComponentChildren;
}

/** An empty state: a title, one sentence, and the next command to copy. */
export const Empty = ({ title, text, command, children }: EmptyProps) => (
  <div class="empty">
    <h3>{title}</h3>
    <p>{text}</p>
    {command !== undefined && <CommandLine command={command} />}
    {children}
  </div>
);
