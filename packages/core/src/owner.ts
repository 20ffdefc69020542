/** Owners of claims: process boot id + counter, unique for each claim at a fraction of the price of a random one. */

/** Made at the first claim: some hosts (Workers) allow nothing random while modules load. */
let bootId: string | undefined;
let claims = 0;

export function nextOwner(): string {
  bootId ??= globalThis.crypto.randomUUID();
  return `${bootId}:${++claims}`;
}
