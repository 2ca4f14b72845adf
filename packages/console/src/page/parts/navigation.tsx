// The navigation between the screens.

import { shortCount } from "../format.ts";
import { liveRuns, overview } from "../live.ts";
import { address } from "../router.ts";
import { type ScreenPath, screens } from "../screens.ts";
import { Icon } from "./icon.tsx";

const waiting = (): number =>
  (overview.value?.queues ?? []).reduce((sum, queue) => sum + (queue.kind === "dead letters" ? queue.visible : 0), 0);

const running = (): number => [...liveRuns.value.values()].filter((run) => run.state === "running").length;

const badge = (path: ScreenPath): { readonly count: number; readonly text: string } | undefined => {
  if (path === "/dead-letters" && waiting() > 0) return { count: waiting(), text: "waiting" };
  if (path === "/runs" && running() > 0) return { count: running(), text: "running" };
  return undefined;
};

const Badge = ({ path }: { readonly path: ScreenPath }) => {
  const found = badge(path);
  if (found === undefined) return null;
  return (
    <span class={`nav-badge nav-badge-${found.text}`}>
      {shortCount(found.count)}
      <span class="visually-hidden"> {found.text}</span>
    </span>
  );
};

/** Links to all screens. */
export const Navigation = () => (
  <nav class="nav" aria-label="Screens">
    <ul>
      {screens.map(({ path, title, icon }) => (
        <li key={path}>
          <a class="nav-link" href={path} aria-current={address.value.path === path ? "page" : undefined}>
            <Icon name={icon} />
            <span class="nav-title">{title}</span>
            <Badge path={path} />
          </a>
        </li>
      ))}
    </ul>
  </nav>
);
