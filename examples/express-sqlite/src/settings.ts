/** The settings that are the same whatever the store, from the environment. */
import type { Tuning } from "./app.js";

export interface Settings {
  /** 0: any free one. */
  port: number;
  stripeSecret: string;
  /** See `openShop`. */
  shopSynchronous: string | undefined;
  tuning: Tuning;
}

export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  return {
    port: numberFrom(env, "PORT") ?? 3000,
    stripeSecret: env.STRIPE_WEBHOOK_SECRET ?? "whsec_for_playing_only",
    shopSynchronous: env.SHOP_SYNCHRONOUS,
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
