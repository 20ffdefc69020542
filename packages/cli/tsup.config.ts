import { defineConfig } from "tsup";

/** A program, not a library: one ES module that starts with a shebang. What it depends on stays imported. */
export default defineConfig({
  entry: ["src/bin.ts"],
  format: ["esm"],
  target: "node20",
  removeNodeProtocol: false,
  treeshake: true,
  sourcemap: true,
  clean: true,
});
