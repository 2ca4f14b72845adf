// A state, as a sign and a word: never only a colour.

import type { Tone } from "../tone.ts";
import { Icon, type IconName } from "./icon.tsx";

const icons: Readonly<Record<Tone, IconName>> = { good: "check", warn: "retried", bad: "rejected", plain: "hidden" };

interface StateProps {
  readonly tone: Tone;
  readonly text: string;
  /** Default: by the tone. */
  readonly icon?: IconName;
}

/** A state. */
export const State = ({ tone, text, icon }: StateProps) => (
  <span class={`state state-${tone}`}>
    <Icon name={icon ?? icons[tone]} />
    {text}
  </span>
);
