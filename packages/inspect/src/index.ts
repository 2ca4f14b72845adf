export type { Area, Check, Finding, Level } from "./doctor/finding.ts";
