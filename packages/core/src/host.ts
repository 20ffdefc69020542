/** What differs between the hosts that JavaScript runs on. Asked at run time: nothing of Node is needed to ask. */

interface Host {
  navigator?: { userAgent?: string };
  EdgeRuntime?: unknown;
  process?: { env?: Record<string, string | undefined> };
}

/** Cloudflare Workers, where a timer ends with the request that started it. */
export function timersEndWithTheirRequest(): boolean {
  return (globalThis as Host).navigator?.userAgent === "Cloudflare-Workers";
}

/** Hosts that freeze or end what is not waited for: Workers, edge functions, lambdas. */
export function stopsAfterResponse(): boolean {
  const { EdgeRuntime, process } = globalThis as Host;
  const { AWS_LAMBDA_FUNCTION_NAME, VERCEL } = process?.env ?? {};
  return (
    timersEndWithTheirRequest() ||
    EdgeRuntime !== undefined ||
    AWS_LAMBDA_FUNCTION_NAME !== undefined ||
    VERCEL !== undefined
  );
}
