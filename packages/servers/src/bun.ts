/** Tests inside Bun: a program that runs cases there, and says of each how it ended. */
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

interface Case {
  readonly name: string;
  run(): Promise<void>;
}

interface Ended {
  name: string;
  /** Absent: it passed. */
  error?: string | undefined;
}

/** Enough to overlap the waiting of cases, and few enough for none to wait for a processor. */
const AT_ONCE = 8;

/** Inside Bun: runs the cases, and writes one line of JSON for each. */
export async function reportCases(cases: readonly Case[]): Promise<void> {
  const left = [...cases];
  const work = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const { name, run } = one;
      const error = await run().then(
        () => undefined,
        (reason: unknown) => String((reason as Error)?.stack ?? reason),
      );
      process.stdout.write(`${JSON.stringify({ name, error } satisfies Ended)}\n`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/**
 * Outside of it: starts Bun with a program that calls `reportCases`.
 *
 * @param manifest path of the `package.json` of the package `bun`
 * @returns how a case ended: rejects with the error it had inside, or when the program ended without it
 */
export function casesInBun(
  manifest: string,
  program: string,
  args: readonly string[] = [],
): (name: string) => Promise<void> {
  const ended = new Map<string, Ended>();
  let wake: (() => void)[] = [];
  let exit: string | undefined;
  let output = "";
  let errors = "";
  const notify = (): void => {
    for (const one of wake) one();
    wake = [];
  };
  const child = spawn(findBun(manifest), [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", (text) => {
    const lines = (output + text).split("\n");
    output = lines.pop() ?? "";
    for (const line of lines.filter((one) => one.startsWith("{"))) {
      const one = JSON.parse(line) as Ended;
      ended.set(one.name, one);
    }
    notify();
  });
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const onEnd = (how: unknown): void => {
    exit ??= `Bun ended: ${how}\n${errors.slice(-4_000)}`;
    notify();
  };
  child.on("error", onEnd).on("close", onEnd);

  return async (name) => {
    while (!ended.has(name) && exit === undefined) {
      await new Promise<void>((resolve) => {
        wake.push(resolve);
      });
    }
    const one = ended.get(name);
    if (one === undefined) throw new Error(exit);
    if (one.error !== undefined) throw new Error(one.error);
  };
}

/** The binary comes in a package for each platform; the install script that would link it into `bun` itself is not run. */
function findBun(manifest: string): string {
  const { resolve } = createRequire(pathToFileURL(realpathSync(manifest)));
  const arch = process.arch === "arm64" ? "aarch64" : process.arch;
  const system = process.platform === "win32" ? "windows" : process.platform;
  const file = process.platform === "win32" ? "bun.exe" : "bun";
  // Only those that fit the platform are installed; without glibc, that is the one for musl.
  for (const flavour of ["", "-musl"]) {
    try {
      const path = resolve(`@oven/bun-${system}-${arch}${flavour}/bin/${file}`);
      if (existsSync(path)) return path;
    } catch {
      // Not installed.
    }
  }
  throw new Error(`There is no Bun for ${system} on ${arch} among the installed packages.`);
}
