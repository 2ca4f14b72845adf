// What the application is made of.

import type { ConsoleHost } from "../host.ts";
import type { RunManager } from "../runs/run-manager.ts";
import type { Live } from "./live.ts";
import type { OverviewWatch } from "./overview-watch.ts";
import type { Access } from "./security.ts";

/** What the application is made of. */
export interface AppParts {
  readonly host: ConsoleHost;
  readonly access: Access;
  readonly overview: OverviewWatch;
  readonly live: Live;
  readonly runs: RunManager;
  /** The folder with the built page. */
  readonly page: string;
  readonly closing: AbortSignal;
  /** Reports an unexpected error. `subject` is the method and the path of a request. */
  readonly onError: (error: unknown, subject: string) => void;
}
