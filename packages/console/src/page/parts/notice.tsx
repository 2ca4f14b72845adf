// What went wrong, or what to know.

import type { ComponentChildren } from "preact";
import { ApiError } from "../client.ts";
import { Icon } from "./icon.tsx";

interface NoticeProps {
  readonly tone: "bad" | "warn" | "plain";
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** A notice in the flow of the page. */
export const Notice = ({ tone, title, children }: NoticeProps) => (
  <div class={`notice notice-${tone}`} role={tone === "bad" ? "alert" : undefined}>
    <Icon name={tone === "plain" ? "keyboard" : "warning"} />
    <div class="notice-body">
      <strong>{title}</strong>
      {children !== undefined && <div class="notice-text">{children}</div>}
    </div>
  </div>
);

interface ErrorNoticeProps {
  /** What was tried: "The dead letters could not be read". */
  readonly title: string;
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
}

/** An error of the API, with a way to try again. */
export const ErrorNotice = ({ title, error, onRetry }: ErrorNoticeProps) => (
  <Notice tone="bad" title={title}>
    <p class="pre-line">{error instanceof Error ? error.message : String(error)}</p>
    <p class="notice-actions">
      {error instanceof ApiError && <code>{error.code}</code>}
      {onRetry !== undefined && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </p>
  </Notice>
);
