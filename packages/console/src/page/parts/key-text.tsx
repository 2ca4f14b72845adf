// The key of an item. Hidden until a click where the console hides keys.

import { useSignal } from "@preact/signals";
import type { Image } from "@sluice/core/sink-kit";
import { keyText } from "../format.ts";
import { about } from "../live.ts";
import { Icon } from "./icon.tsx";

/** The key of an item. */
export const KeyText = ({ keys }: { readonly keys: Image | undefined }) => {
  const isShown = useSignal(false);
  if (keys === undefined) return <span class="muted">no key</span>;
  if (about.value?.hidesKeys !== false && !isShown.value) {
    const show = (event: Event): void => {
      event.preventDefault();
      event.stopPropagation();
      isShown.value = true;
    };
    return (
      <button type="button" class="key-hidden" onClick={show} aria-label="Show key">
        <Icon name="hidden" /> key
      </button>
    );
  }
  const text = keyText(keys);
  return (
    <span class="key" title={text} dir="auto">
      {text}
    </span>
  );
};
