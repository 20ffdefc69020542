/** Finds the route modules of `app/` by their folders, as Next.js does: `app/api/orders/[id]/route.ts` is `/api/orders/<id>`. */
import { readdir } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { pathToFileURL } from "node:url";

type Handler = (request: Request, context: { params: Promise<Record<string, string>> }) => Promise<Response>;

export interface Route {
  /** Of its path; `[id]` stands for any one. */
  segments: readonly string[];
  /** By method. */
  handlers: Readonly<Record<string, Handler>>;
}

export async function loadRoutes(folder: string): Promise<Route[]> {
  const files = await readdir(folder, { recursive: true });
  const modules = files.filter((file) => file.endsWith(`${sep}route.ts`));
  return Promise.all(
    modules.map(async (file) => ({
      segments: dirname(file).split(sep),
      handlers: (await import(pathToFileURL(join(folder, file)).href)) as Route["handlers"],
    })),
  );
}

interface Found {
  route: Route;
  /** What stands in the places of its `[names]`. */
  params: Record<string, string>;
}

/** Of several, the one that leaves the least open: `/orders/new` before `/orders/[id]`. */
export function findRoute(routes: readonly Route[], path: string): Found | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const found = routes.flatMap((route) => {
    const params = match(route.segments, parts);
    return params === undefined ? [] : [{ route, params }];
  });
  return found.sort((a, b) => Object.keys(a.params).length - Object.keys(b.params).length)[0];
}

function match(segments: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (segments.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [n, segment] of segments.entries()) {
    const part = parts[n] ?? "";
    const [, name] = /^\[(.+)\]$/.exec(segment) ?? [];
    if (name !== undefined) params[name] = decodeURIComponent(part);
    else if (segment !== part) return undefined;
  }
  return params;
}
