export type { Area, Check, Finding as DoctorFinding, Level } from "./doctor/finding.ts";
