import { expect } from "vitest";
import type { Host } from "../host.ts";

export interface Fetched {
  readonly status: number;
  readonly body: string;
}

const SCRIPT = `
const { request } = require("node:http");
const [where, path] = process.argv.slice(1);
const target = where.startsWith("/") ? { socketPath: where } : { host: "127.0.0.1", port: where };
let body = "";
process.stdin.on("data", (chunk) => (body += chunk)).on("end", () => {
  request({ ...target, path, method: body === "" ? "GET" : "POST" }, (response) => {
    let text = "";
    response.on("data", (chunk) => (text += chunk));
    response.on("end", () => process.stdout.write(JSON.stringify({ status: response.statusCode, body: text })));
  }).end(body);
});`;

/** One request from inside a host. @param where the path of a unix socket, or a port */
export async function curl(host: Host, where: string, path: string, body = ""): Promise<Fetched> {
  const ended = await host.run([process.execPath, "-e", SCRIPT, where, path], { stdin: body });
  if (ended.status !== 0) expect.fail(`${path} at ${where}: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as Fetched;
}
