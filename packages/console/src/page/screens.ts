// The screens of the page, by their paths. No DOM.

/** Path of a screen. */
export type ScreenPath = "/" | "/changes" | "/item" | "/dead-letters" | "/runs" | "/doctor";

/** A screen. */
export interface ScreenEntry {
  readonly path: ScreenPath;
  readonly title: string;
  readonly icon: "overview" | "changes" | "item" | "dead-letters" | "runs" | "doctor";
  /** The key after `g` that leads here. */
  readonly key: string;
}

/** All screens, in the order of the navigation. */
export const screens: readonly ScreenEntry[] = [
  { path: "/", title: "Overview", icon: "overview", key: "o" },
  { path: "/changes", title: "Changes", icon: "changes", key: "c" },
  { path: "/item", title: "Item", icon: "item", key: "i" },
  { path: "/dead-letters", title: "Dead letters", icon: "dead-letters", key: "d" },
  { path: "/runs", title: "Runs", icon: "runs", key: "r" },
  { path: "/doctor", title: "Doctor", icon: "doctor", key: "h" },
];

/** The screen at a path; undefined if there is no such screen. */
export const screenAt = (path: string): ScreenEntry | undefined => screens.find((screen) => screen.path === path);
