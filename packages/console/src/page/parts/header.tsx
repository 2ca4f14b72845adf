// The head of the page: what the console is about, whether it hears the server, and the theme.

import type { PipelineStatus } from "../../api/overview.ts";
import { isHelpShown } from "../keyboard.ts";
import { about, connection, failure, overview, reconnectNow, reconnectsAt } from "../live.ts";
import { nextTheme, theme } from "../theme.ts";
import { now } from "./clock.ts";
import { Icon } from "./icon.tsx";
import { Status } from "./status.tsx";

const worstFirst: readonly PipelineStatus[] = ["broken", "restarting", "starting", "unknown", "running"];

const PipelineState = () => {
  const pipelines = overview.value?.pipelines ?? [];
  const status = worstFirst.find((worst) => pipelines.some((pipeline) => pipeline.status === worst));
  return status === undefined ? null : <Status status={status} />;
};

const connectionTexts = {
  connecting: "connecting",
  live: "live",
  disconnected: "disconnected",
} as const;

const ConnectionState = () => (
  <span class={`connection connection-${connection.value}`} role="status">
    <span class="connection-dot" aria-hidden="true" />
    {connectionTexts[connection.value]}
  </span>
);

const ThemeButton = () => {
  const icon = { system: "system", light: "sun", dark: "moon" } as const;
  const label = `Theme: ${theme.value}`;
  return (
    <button type="button" class="button-quiet button-icon" aria-label={label} title={label} onClick={nextTheme}>
      <Icon name={icon[theme.value]} />
    </button>
  );
};

const waitText = (): string => {
  const seconds = Math.ceil(((reconnectsAt.value ?? now.value) - now.value) / 1000);
  return seconds > 0 ? `The page tries again in ${seconds} s.` : "The page tries again.";
};

/** Says that the page does not hear the server, and what to do. */
export const ConnectionBar = () => {
  if (connection.value !== "disconnected") return null;
  return (
    <div class="bar bar-warn" title={failure.value}>
      <Icon name="warning" />
      <span>The console does not answer: what you see may be old. {waitText()}</span>
      <button type="button" class="button" onClick={reconnectNow}>
        Try now
      </button>
    </div>
  );
};

/** The header of every screen. */
export const Header = () => (
  <header class="header">
    <a class="brand" href="/">
      <svg class="brand-mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
        <path d="M3 6c3 0 3 2.5 6 2.5S12 6 15 6s3 2.5 6 2.5M3 12c3 0 3 2.5 6 2.5s3-2.5 6-2.5 3 2.5 6 2.5M3 18c3 0 3 2.5 6 2.5s3-2.5 6-2.5 3 2.5 6 2.5" />
      </svg>
      <span class="brand-name">Sluice</span>
    </a>
    <span class="header-title" title={about.value?.title}>
      {about.value?.title}
    </span>
    <PipelineState />
    <span class="header-space" />
    <ConnectionState />
    <button
      type="button"
      class="button-quiet button-icon header-keyboard"
      aria-label="Keyboard shortcuts"
      title="Keyboard shortcuts (?)"
      onClick={() => {
        isHelpShown.value = true;
      }}
    >
      <Icon name="keyboard" />
    </button>
    <ThemeButton />
  </header>
);
