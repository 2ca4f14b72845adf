export { type Clients, closeClients, openClients, type Service } from "./aws/clients.ts";
export { type DoctorOptions, doctor, type Report } from "./doctor/doctor.ts";
export type { Area, Finding as DoctorFinding, Level } from "./doctor/finding.ts";
