/**
 * The part of a path that a prefix of routes takes up, with the values of its parameters: `/shops/:id` of `/shops/7/hooks` is `/shops/7`.
 */
export function basePathOf(prefix: string, url: string): string {
  if (!/[:*{]/.test(prefix)) return prefix;
  const [path = ""] = url.split(/[?#]/, 1);
  return path.split("/").slice(0, prefix.split("/").length).join("/");
}
