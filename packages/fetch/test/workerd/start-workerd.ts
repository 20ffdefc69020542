/** workerd, the runtime of Cloudflare Workers, as a process that serves one Worker on a free port. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface Workerd {
  url: string;
  /** Everything it has printed: above all, what was thrown and nobody caught. */
  output(): string;
  stop(): Promise<void>;
}

const require = createRequire(import.meta.url);

interface WorkerdPackage {
  /** The binary of this platform; it needs no install script. */
  default: string;
  /** The newest one that this binary knows. */
  compatibilityDate: string;
}

/** `undefined`: there is none for this platform. One that should be there and is not is an error. */
export function findWorkerd(): WorkerdPackage | undefined {
  try {
    return require("workerd") as WorkerdPackage;
  } catch (error) {
    if (String(error).includes("Unsupported platform")) return undefined;
    throw error;
  }
}

/** Resolves when it listens. Without `nodejs_compat`: what imports a Node built-in does not start. */
export async function startWorkerd(code: string, folder: string): Promise<Workerd> {
  const found = findWorkerd();
  if (found === undefined) throw new Error("There is no workerd for this platform.");
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "${found.compatibilityDate}",
  compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2"],
);
`;
  await writeFile(join(folder, "worker.js"), code);
  await writeFile(join(folder, "config.capnp"), config);
  const child = spawn(found.default, ["serve", "--control-fd=3", "config.capnp"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  const port = await Promise.race([
    listening(child.stdio[3] as Readable),
    closed.then(() => {
      throw new Error(`workerd did not start:\n${output}`);
    }),
  ]);
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    async stop() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

/** Its control channel says which port it was given. */
async function listening(control: Readable): Promise<number> {
  for await (const line of createInterface({ input: control })) {
    const said = JSON.parse(line) as { event: string; port?: number };
    if (said.event === "listen" && said.port !== undefined) return said.port;
  }
  // It has ended; the other side of the race says why.
  return new Promise(() => {});
}
