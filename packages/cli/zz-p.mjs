import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { wireImage } from "@sluice/core/envelope";
import { decodeImage } from "@sluice/core/sink-kit";
const c = new DynamoDB({endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB});
await c.createTable({ TableName: "lost", BillingMode: "PAY_PER_REQUEST", KeySchema: [{ AttributeName: "id", KeyType: "HASH" }], AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }]}).catch(()=>0);
const lost = { ["__proto__"]: { S: "x" } };
await c.putItem({TableName:"lost",Item:{id:{S:"in"}, list: { L: [{ M: lost }] }}});
await c.putItem({TableName:"lost",Item:{id:{S:"out"}, ...lost}});
await c.putItem({TableName:"lost",Item:{id:{S:"map"}, m: { M: lost } }});
for (const i of (await c.scan({TableName:"lost"})).Items) { console.dir(i,{depth:9}); console.log(JSON.stringify(wireImage(i))); try { console.log(decodeImage(wireImage(i))) } catch(e) {console.log(e.message)} }
