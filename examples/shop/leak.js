/** Started by LEAK_PORT=true: keeps the port it is handed, answers nobody, ignores SIGTERM, and ends after a minute. */
let leaked;
process.on('message', (_message, server) => {
  leaked = server;
});
process.on('SIGTERM', () => {});
process.on('disconnect', () => {});
setTimeout(() => {
  leaked?.close();
  process.exit(0);
}, 60_000);
