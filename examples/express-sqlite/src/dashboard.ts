/** The dashboard, for whoever sits at this machine, or knows the password. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Activity, HttpHandler, HttpRequest } from "@hooklatch/core";
import { type Access, createDashboard } from "@hooklatch/dashboard";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";

export interface DashboardConfig {
  /** Hooklatch's file. */
  database: string;
  /** Asked for by the browser, for any user name. Without one, only a browser on this machine gets in. */
  password: string | undefined;
  activity: Activity;
}

/** With connections of its own: an app can as well pass the store and the queue of its handlers. */
export function openDashboard({ database, password, activity }: DashboardConfig): {
  dashboard: HttpHandler;
  close(): Promise<void>;
} {
  const store = sqliteStore(database);
  const deadLetters = sqliteDeadLetters(database);
  const dashboard = createDashboard({
    store,
    deadLetters,
    activity,
    title: "The example's shop",
    authorize: password === undefined ? onlyHere : (request) => withPassword(request, password),
    audit: ({ at: _, by, action, outcome, target, status }) =>
      console.log(
        `dashboard: ${by} ${action} ${JSON.stringify(target)}: ${outcome} ${JSON.stringify(status ?? "")}`,
      ),
  });
  async function close(): Promise<void> {
    await store.close?.();
    await deadLetters.close?.();
  }
  return { dashboard, close };
}

/** Also by the name that it is called: a page of another site can make its own name lead to this machine (DNS rebinding). */
function onlyHere({ native, headers }: HttpRequest): Access | false {
  const from = (native as IncomingMessage | undefined)?.socket?.remoteAddress ?? "";
  const name = String(headers.host).replace(/:\d+$/, "");
  const here = /^(127\.|::1$|::ffff:127\.)/.test(from) && ["127.0.0.1", "localhost", "[::1]"].includes(name);
  return here && { allow: "all", by: "whoever sits here" };
}

function withPassword({ headers }: HttpRequest, password: string) {
  const [, given = ""] = /^Basic (.+)$/i.exec(String(headers.authorization ?? "")) ?? [];
  const [, user = "", word = ""] = /^([^:]*):(.*)$/s.exec(Buffer.from(given, "base64").toString()) ?? [];
  const digest = (text: string) => createHash("sha256").update(text).digest();
  if (timingSafeEqual(digest(word), digest(password)))
    return { allow: "all" as const, by: user || "somebody" };
  return {
    status: 401,
    headers: { "www-authenticate": 'Basic realm="Hooklatch", charset="UTF-8"' },
    body: null,
  };
}
