// Light, dark, or as the system says.

import { signal } from "@preact/signals";

/** What a person chose. */
export type Theme = "system" | "light" | "dark";

const storageKey = "sluice-theme";
const themes: readonly Theme[] = ["system", "light", "dark"];
const stored = localStorage.getItem(storageKey);

/** The chosen theme. */
export const theme = signal<Theme>(themes.find((name) => name === stored) ?? "system");

/** Counts up when the colours of the page change, so that drawings on a canvas are drawn again. */
export const colours = signal(0);

const apply = (): void => {
  if (theme.peek() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.peek();
  colours.value++;
};

/** Chooses the next theme: system, light, dark, system … */
export const nextTheme = (): void => {
  theme.value = themes[(themes.indexOf(theme.peek()) + 1) % themes.length] ?? "system";
  localStorage.setItem(storageKey, theme.peek());
  apply();
};

/** Sets the colours of the page, and follows the system. */
export const startTheme = (): void => {
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
};
