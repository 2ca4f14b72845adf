// How good a state is. No DOM.

/** How good a state is. */
export type Tone = "good" | "warn" | "bad" | "plain";
