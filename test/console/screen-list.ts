// The addresses of the console's screens.

import type { FakeHost } from "./fake.ts";

/** Names of the screens. */
export const screens = ["overview", "changes", "item", "dead-letters", "runs", "run", "doctor"] as const;

/** Name of a screen. */
export type Screen = (typeof screens)[number];

/** The address of a screen, without its origin. */
export const addressOf = (screen: Screen, fake: FakeHost): string => {
  const { pipelines, queues } = fake.host.about();
  const [pipeline] = pipelines;
  const queue = queues.find(({ kind }) => kind === "dead letters");
  const keys = JSON.stringify({ id: { S: "o-1001" } });
  const addresses: Record<Screen, string> = {
    overview: "/",
    changes: "/changes",
    item: `/item?${new URLSearchParams({ pipeline: pipeline?.name ?? "", keys })}`,
    "dead-letters": `/dead-letters?${new URLSearchParams({ queue: queue?.url ?? "" })}`,
    runs: "/runs",
    run: "/runs?id=1",
    doctor: "/doctor",
  };
  return addresses[screen];
};

/** The addresses of all screens. */
export const screenAddresses = (fake: FakeHost): readonly string[] => screens.map((screen) => addressOf(screen, fake));
