/** Processes that never outlive the one that started them. */
import { type ChildProcess, spawn } from "node:child_process";

// The command takes the place of the shell, and so has its pid. Beside it stays a subshell that reads from a pipe whose other end
// only the parent holds: a line means that the command has ended, and the end of the pipe that the parent has.
const SCRIPT = `
exec 3<&0 </dev/null
( read -r line <&3 || kill -9 $$ ) >/dev/null 2>&1 &
exec 3<&-
exec "$@"`;

/**
 * Starts a command that is killed when this process ends, however it ends: `kill -9` is no exception. It keeps this process from
 * ending no longer than somebody waits for it, and does not hear the signals of this process's terminal. `log`, a file descriptor,
 * takes what it prints.
 */
export function spawnGuarded(
  command: string,
  args: readonly string[],
  { cwd, log }: { cwd: string; log: number },
): ChildProcess {
  // LC_ALL: a Redis 7 does not start in a locale that is not installed.
  const child = spawn("/bin/sh", ["-c", SCRIPT, "watchdog", command, ...args], {
    cwd,
    detached: true,
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["pipe", log, log],
  });
  const { stdin } = child;
  // The watchdog itself may be gone.
  stdin?.on("error", () => {});
  child.once("exit", () => stdin?.end("\n"));
  child.unref();
  // A pipe of a child process is a socket.
  (stdin as unknown as { unref(): void } | null)?.unref();
  return child;
}
