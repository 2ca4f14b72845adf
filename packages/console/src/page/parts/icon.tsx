// Icons of 16 × 16, drawn in the colour of the text around them.

const paths = {
  delivered: "M3 8.5l3.2 3.2L13 4.8",
  superseded: "M3 12l5-5 5 5M3 7.5l5-5 5 5",
  filtered: "M2.5 3.5h11L9.5 8.5v4l-3-1.5v-2.5z",
  rejected: "M4 4l8 8M12 4l-8 8",
  retried: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  overview: "M2.5 9h3l2-5.5 2.5 9L12 7h2",
  changes: "M2.5 4h11M2.5 8h11M2.5 12h7",
  item: "M8 2l5.5 3v6L8 14l-5.5-3V5zM2.5 5L8 8l5.5-3M8 8v6",
  "dead-letters": "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5",
  runs: "M4.5 3l8 5-8 5z",
  doctor: "M8 13.5S2 10 2 6a3.2 3.2 0 0 1 6-1.5A3.2 3.2 0 0 1 14 6c0 4-6 7.5-6 7.5z",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5l3.2 3.2L13 4.8",
  close: "M4 4l8 8M12 4l-8 8",
  pause: "M5 3v10M11 3v10",
  play: "M4.5 3l8 5-8 5z",
  sun: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  system: "M2 3h12v8H2zM5.5 14h5M8 11v3",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.5M7 6.5h.5M10 6.5h.5M12 6.5h.2M4.5 9.5h7",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5l3.5 3.5",
  warning: "M8 2.5l6 11H2zM8 6.5v3.5M8 11.8v.2",
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  hidden: "M2 8s2.2-4 6-4 6 4 6 4-2.2 4-6 4-6-4-6-4zM3 13L13 3",
} as const;

/** Name of an icon. */
export type IconName = keyof typeof paths;

/** An icon beside a text that says the same: readers of the screen skip it. */
export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <path d={paths[name]} />
  </svg>
);
