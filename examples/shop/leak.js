/** Started by LEAK_PORT=true with the listening socket as descriptor 3: holds it, ignores SIGTERM, ends after a minute. */
process.on('SIGTERM', () => {});
setTimeout(() => process.exit(0), 60_000);
