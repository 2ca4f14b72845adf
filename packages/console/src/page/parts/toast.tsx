// Short messages about what happened, read out by screen readers.

import { signal } from "@preact/signals";
import { Icon } from "./icon.tsx";

/** How a message is meant. */
export type ToastTone = "plain" | "good" | "bad";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: ToastTone;
}

const toasts = signal<readonly Toast[]>([]);
let nextId = 1;

const drop = (id: number): void => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
};

/** Shows a message for some seconds; a bad one stays longer. */
export const toast = (text: string, tone: ToastTone = "plain"): void => {
  const id = nextId++;
  toasts.value = [...toasts.value.filter((other) => other.text !== text), { id, text, tone }].slice(-4);
  setTimeout(() => drop(id), tone === "bad" ? 12_000 : 4000);
};

/** The region of messages. Part of the page from its start, as screen readers demand. */
export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map(({ id, text, tone }) => (
      <div key={id} class={`toast toast-${tone}`}>
        <span>{text}</span>
        <button type="button" class="button-quiet button-icon" aria-label="Dismiss message" onClick={() => drop(id)}>
          <Icon name="close" />
        </button>
      </div>
    ))}
  </div>
);
