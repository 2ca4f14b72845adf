// What the doctor says.

import type { DoctorFinding } from "@sluice/inspect";

/** The answer of `POST /api/doctor`. */
export interface DoctorView {
  /** ISO 8601. */
  readonly at: string;
  readonly subject: string;
  readonly findings: readonly DoctorFinding[];
  readonly counts: Readonly<Record<"fail" | "warn" | "unknown", number>>;
  /** Codes that were looked for. */
  readonly checked: readonly string[];
  /** Why nothing was judged. */
  readonly problem?: string;
}
