import { startEngines } from "@sluice/local";
import { writeFileSync } from "node:fs";
const e = await startEngines({ postgres: true, dynamodb: true });
const url = await e.postgres.createDatabase();
writeFileSync("/tmp/atk/env", `export DATABASE_URL='${url}'\nexport AWS_ENDPOINT_URL_DYNAMODB='${e.dynamodb.endpoint}'\nexport AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local-secret AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true\n`);
console.log("ready", url);
setTimeout(async () => { await e.stop?.(); process.exit(); }, 33*60_000);
