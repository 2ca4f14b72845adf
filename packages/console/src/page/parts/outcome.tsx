// The outcome of a delivery, as a sign and a word.

import type { RowOutcome } from "../../api/changes.ts";
import { outcomes } from "../outcomes.ts";
import { Icon } from "./icon.tsx";

const isOutcome = (text: string): text is RowOutcome => (outcomes as readonly string[]).includes(text);

/** An outcome. An outcome that the page does not know is shown as its word. */
export const Outcome = ({ outcome, code }: { readonly outcome: string; readonly code?: string | undefined }) => (
  <span class={`outcome outcome-${isOutcome(outcome) ? outcome : "other"}`}>
    {isOutcome(outcome) && <Icon name={outcome} />}
    <span>{outcome}</span>
    {code !== undefined && <code class="outcome-code">{code}</code>}
  </span>
);
