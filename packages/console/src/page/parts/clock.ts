// The time as a signal, so that ages count up without a timer for each of them.

import { signal } from "@preact/signals";

/** The time now, in milliseconds since the epoch; changes once a second. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
