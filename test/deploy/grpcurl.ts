/** Stands in for grpcurl where there is no Go to build it with: `[-plaintext] -unix [-d JSON] SOCKET (list | SERVICE/METHOD)`. */
import { parseArgs } from "node:util";
import { reflectingClient } from "../grpc/reflecting-client.ts";

const { values, positionals } = parseArgs({
  // It has long names after one dash, too.
  args: process.argv.slice(2).map((arg) => arg.replace(/^-(?=\w\w)/, "--")),
  options: { plaintext: { type: "boolean" }, unix: { type: "boolean" }, d: { type: "string", short: "d" } },
  allowPositionals: true,
});
const [socket = "", what = ""] = positionals;
const client = reflectingClient(socket);
const printed =
  what === "list"
    ? (await client.services()).join("\n")
    : JSON.stringify(await client.call(what, JSON.parse(values.d ?? "{}") as Record<string, unknown>), null, 2);
client.close();
process.stdout.write(`${printed}\n`);
