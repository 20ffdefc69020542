/** The app of this example, moved to another framework by the very diff that docs/moving.md shows. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type AppOptions, createApp } from "../src/app.js";
import { type Answer, deliver, type SentEvent } from "../src/sender.js";
import { root } from "./processes.js";

const source = fileURLToPath(new URL("../src", import.meta.url));

export interface MovedApp<App> {
  /** As it is printed. */
  diff: string;
  /** What Git makes of the two files: the same, unless the page is stale. */
  actualDiff: string;
  /** The moved file. */
  text: string;
  createApp(options: AppOptions): { app: App; close(): Promise<void> };
}

/** The first `diff` block under that heading. */
export function shownDiff(page: string, heading: string): string {
  const [, section = ""] = readFileSync(page, "utf8").split(`\n## ${heading}\n`);
  const [, diff = ""] = /^```diff\n(.*?)^```$/ms.exec(section) ?? [];
  return diff;
}

/**
 * Applies the diff to a copy of `app.ts`, and loads the result.
 *
 * @param folder of the example whose packages it is to find. The copy is in its `.cache`, which Git and the linters pass over.
 */
export async function movedApp<App>(heading: string, folder: string): Promise<MovedApp<App>> {
  const diff = shownDiff(join(root, "docs", "moving.md"), heading);
  mkdirSync(join(folder, ".cache"), { recursive: true });
  const copy = mkdtempSync(join(folder, ".cache", "moved-"));
  try {
    for (const side of ["a", "b"]) {
      for (const file of ["app.ts", "shop.ts"]) cpSync(join(source, file), join(copy, side, "src", file));
    }
    git(["apply", "--directory", "b"], copy, diff);
    const file = join(copy, "b", "src", "app.ts");
    const flags = ["--no-index", "--no-color", "--no-ext-diff", "--no-prefix", "--unified=1"];
    const actual = git(["diff", ...flags, "a/src/app.ts", "b/src/app.ts"], copy);
    // Without the lines that are for Git only, and without the space in an empty line, which an editor would drop from the page.
    const actualDiff = actual.slice(actual.indexOf("--- ")).replace(/^ $/gm, "");
    const module = (await import(pathToFileURL(file).href)) as Pick<MovedApp<App>, "createApp">;
    return { diff, actualDiff, text: readFileSync(file, "utf8"), createApp: module.createApp };
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** What the app that has not moved yet answers. It is closed afterwards. */
export async function answerOnExpress(options: AppOptions, event: SentEvent): Promise<Answer> {
  const { app, close } = createApp(options);
  return serving(app, close, (url) => deliver(url, event, options.stripeSecret));
}

/** Serves an app on a free port for as long as `use` takes, and then closes it. */
export async function serving<T>(
  app: RequestListener,
  close: () => Promise<void>,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const server = createServer(app);
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
    server.closeAllConnections();
    await close();
  }
}

function git(args: string[], cwd: string, input = ""): string {
  const { status, stdout, stderr } = spawnSync("git", args, { cwd, input, encoding: "utf8" });
  // `diff` ends with 1 where there is a difference.
  if (status === 0 || (args[0] === "diff" && status === 1)) return stdout;
  throw new Error(`git ${args[0]}: ${stderr}\n${input}`);
}
