// Serves the console with made-up data: node test/console/serve-fake.js --data much --rate 100 --port 4000
// Options: --data none|little|much, --rate CHANGES_PER_SECOND, --port, --runs, --hide-keys, --deployment.

process.argv.splice(2, 0, "serve-fake");
await import("./run-program.js");
