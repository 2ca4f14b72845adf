// What a screen does when the page is connected again: something may have been missed.

import { useEffect, useRef } from "preact/hooks";
import { connection } from "../live.ts";

/** Calls the function whenever the page is connected again, but not at the first connection. */
export const useReconnect = (again: () => void): void => {
  const wasLost = useRef(false);
  const state = connection.value;
  useEffect(() => {
    if (state === "disconnected") wasLost.current = true;
    if (state !== "live" || !wasLost.current) return;
    wasLost.current = false;
    again();
  }, [state, again]);
};
