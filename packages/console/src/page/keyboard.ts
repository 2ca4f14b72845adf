// Shortcuts of the whole page, and the movement in lists.

import { signal } from "@preact/signals";
import { go } from "./router.ts";
import { screens } from "./screens.ts";

/** Whether the help of the shortcuts is shown. */
export const isHelpShown = signal(false);

/** What the help shows. */
export const shortcuts: readonly { readonly keys: readonly string[]; readonly text: string }[] = [
  ...screens.map(({ key, title }) => ({ keys: ["g", key], text: `Go to ${title.toLowerCase()}` })),
  { keys: ["/"], text: "Focus the filter" },
  { keys: ["j"], text: "Next row" },
  { keys: ["k"], text: "Previous row" },
  { keys: ["Enter"], text: "Open the row" },
  { keys: ["p"], text: "Pause or resume the list of changes" },
  { keys: ["Esc"], text: "Close, or leave the filter" },
  { keys: ["?"], text: "Show this help" },
];

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type)));

/** Moves the focus to the next or previous element with `data-row`. */
const moveRow = (step: 1 | -1): void => {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")];
  const focused = document.activeElement?.closest<HTMLElement>("[data-row]");
  const index = focused === null || focused === undefined ? -1 : rows.indexOf(focused);
  const next = rows[index === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, index + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
};

const press = (selector: string): void => document.querySelector<HTMLElement>(selector)?.click();

const plainKeys: Readonly<Record<string, () => void>> = {
  "?": () => {
    isHelpShown.value = true;
  },
  "/": () => document.querySelector<HTMLElement>("main [data-filter]")?.focus(),
  j: () => moveRow(1),
  k: () => moveRow(-1),
  p: () => press("main [data-pause]"),
};

const isForOthers = (event: KeyboardEvent): boolean =>
  event.ctrlKey ||
  event.metaKey ||
  event.altKey ||
  event.defaultPrevented ||
  document.querySelector("dialog[open]") !== null;

/** Begins to hear the keyboard. */
export const startKeyboard = (): void => {
  let wentAt = Number.NEGATIVE_INFINITY;
  const actionOf = (event: KeyboardEvent): (() => void) | undefined => {
    const screen = event.timeStamp - wentAt < 1500 ? screens.find(({ key }) => key === event.key) : undefined;
    wentAt = event.key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY;
    return screen === undefined ? plainKeys[event.key] : () => go(screen.path);
  };
  document.addEventListener("keydown", (event) => {
    if (isForOthers(event)) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape" && event.target instanceof HTMLElement) event.target.blur();
      return;
    }
    const action = actionOf(event);
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
};
