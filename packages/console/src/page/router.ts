// The address of the page as a signal. Links are real links; a plain click on one of them changes the address without a load.

import { signal } from "@preact/signals";
import { type Address, addressOf, href } from "./address.ts";

/** The address now. Only this module changes it. */
export const address = signal<Address>(addressOf("/", ""));

interface State {
  readonly scroll?: number;
}

const read = (): void => {
  address.value = addressOf(location.pathname, location.search);
};

const keepScroll = (): void => {
  const state: State = { scroll: window.scrollY };
  history.replaceState(state, "");
};

// What was loaded when the page was left may need some frames to be as high as it was.
const restoreScroll = (top: number, framesLeft = 60): void => {
  window.scrollTo(0, top);
  if (framesLeft > 0 && Math.abs(window.scrollY - top) > 1) {
    requestAnimationFrame(() => restoreScroll(top, framesLeft - 1));
  }
};

/** Goes to another address. The back button comes back. */
export const go = (path: string, query: Readonly<Record<string, string | undefined>> = {}): void => {
  keepScroll();
  history.pushState({}, "", href(path, query));
  read();
  window.scrollTo(0, 0);
};

/** Changes the query of this address. Typing replaces the entry of the history; a choice adds one. */
export const setQuery = (
  query: Readonly<Record<string, string | undefined>>,
  { replaces = false }: { readonly replaces?: boolean } = {},
): void => {
  const next = href(address.peek().path, query);
  if (next === location.pathname + location.search) return;
  if (replaces) history.replaceState(history.state, "", next);
  else {
    keepScroll();
    history.pushState({}, "", next);
  }
  read();
};

const linkOf = (event: MouseEvent): HTMLAnchorElement | undefined => {
  if (event.defaultPrevented || event.button !== 0) return undefined;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return undefined;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.target !== "" || link.hasAttribute("download")) return undefined;
  return link.origin === location.origin && link.getAttribute("href")?.startsWith("#") !== true ? link : undefined;
};

/** Begins to follow the address bar, the back button and the links of the page. */
export const startRouter = (): void => {
  history.scrollRestoration = "manual";
  read();
  window.addEventListener("popstate", (event) => {
    read();
    const state = event.state as State | null;
    restoreScroll(state?.scroll ?? 0);
  });
  document.addEventListener("click", (event) => {
    const link = linkOf(event);
    if (link === undefined) return;
    event.preventDefault();
    const { path, query } = addressOf(link.pathname, link.search);
    go(path, query);
  });
};
