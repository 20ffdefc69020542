/** The settings of this example, from the environment. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tuning } from "./app.js";

export interface Config {
  /** 0: any free one. */
  port: number;
  /** Hooklatch's file. */
  database: string;
  /** The shop's own file. */
  shopDatabase: string;
  stripeSecret: string;
  tuning: Tuning;
}

export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const database = env.HOOKLATCH_DB ?? fileURLToPath(new URL("../data/hooklatch.db", import.meta.url));
  mkdirSync(dirname(database), { recursive: true });
  return {
    port: numberFrom(env, "PORT") ?? 3000,
    database,
    shopDatabase: env.SHOP_DB ?? join(dirname(database), "shop.db"),
    stripeSecret: env.STRIPE_WEBHOOK_SECRET ?? "whsec_for_playing_only",
    tuning: {
      leaseMs: numberFrom(env, "LEASE_MS"),
      retentionMs: numberFrom(env, "RETENTION_MS"),
      retry: { initialDelayMs: numberFrom(env, "RETRY_DELAY_MS") },
      worker: { pollMs: numberFrom(env, "POLL_MS") },
    },
  };
}

function numberFrom(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`${name} must be a number; it is "${text}".`);
  return value;
}
