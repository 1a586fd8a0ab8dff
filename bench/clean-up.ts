/** Runs `cleanUp` also when a signal ends the program; then the signal takes its course. */
export function cleanUpOnSignals(cleanUp: () => void): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      cleanUp();
      process.kill(process.pid, signal);
    });
  }
}
