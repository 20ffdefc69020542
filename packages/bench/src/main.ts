import { measureHttp } from "./http/run.js";

const list = (name: string) => process.env[name]?.split(",");
await measureHttp({
  rounds: Number(process.env.ROUNDS ?? 5),
  requests: Number(process.env.REQUESTS ?? 4000),
  connections: 64,
  frameworks: list("FRAMEWORKS") as never,
  stores: list("STORES") as never,
  only: list("ONLY"),
  log: (line) => process.stdout.write(`${line}\n`),
});
