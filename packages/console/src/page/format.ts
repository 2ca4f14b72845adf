// Numbers, times and keys as people read them. No DOM.

import type { Image } from "@sluice/core/sink-kit";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A whole number: `12,345`. */
export const countText = (count: number): string => grouped.format(count);

/** A number that has little room: `12.3k`. */
export const shortCount = (count: number): string => {
  if (count < 10_000) return countText(count);
  const [size, sign] = count < 999_500 ? [1000, "k"] : [1_000_000, "M"];
  const short = count / size;
  return `${short < 99.95 ? short.toFixed(1).replace(/\.0$/u, "") : Math.round(short)}${sign}`;
};

/** A rate: `0.4/s`, `1,200/s`. */
export const rateText = (perSecond: number): string => {
  if (perSecond === 0) return "0/s";
  if (perSecond < 0.1) return "<0.1/s";
  return perSecond < 10 ? `${perSecond.toFixed(1)}/s` : `${countText(perSecond)}/s`;
};

/** A duration: `12 ms`, `3.4 s`, `5 min 3 s`, `2 h 5 min`, `3 d 4 h`. */
export const durationText = (ms: number): string => {
  if (ms < second) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9950) return `${(ms / second).toFixed(1)} s`;
  if (ms < minute - 500) return `${Math.round(ms / second)} s`;
  const [large, small, largeName, smallName] =
    ms < hour - 500
      ? [minute, second, "min", "s"]
      : ms < day - minute / 2
        ? [hour, minute, "h", "min"]
        : [day, hour, "d", "h"];
  const rounded = Math.round(ms / small) * small;
  const rest = Math.floor((rounded % large) / small);
  const main = `${Math.floor(rounded / large)} ${largeName}`;
  return rest === 0 ? main : `${main} ${rest} ${smallName}`;
};

/** How long ago: `now`, `4 s ago`, `3 min ago`, `2 h ago`, `5 d ago`. */
export const agoText = (ms: number): string => {
  if (ms < second) return "now";
  if (ms < minute) return `${Math.floor(ms / second)} s ago`;
  if (ms < hour) return `${Math.floor(ms / minute)} min ago`;
  if (ms < day) return `${Math.floor(ms / hour)} h ago`;
  return `${Math.floor(ms / day)} d ago`;
};

const keyPart = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return String(value);
  const [content] = Object.values(value);
  return typeof content === "string" ? content : JSON.stringify(value);
};

/** The key of an item on one line: the values of the key's attributes with a comma between them. */
export const keyText = (keys: Image): string => Object.values(keys).map(keyPart).join(", ");
