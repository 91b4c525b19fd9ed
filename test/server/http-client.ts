/** Plain HTTP, to a port or a unix socket, as curl would speak it. */
import { request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly type: string;
}

export interface HttpOptions {
  readonly method?: string;
  readonly body?: string;
}

/** @param where the path of a unix socket, or a port of 127.0.0.1 */
export function http(where: string | number, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const { method = options.body === undefined ? "GET" : "POST", body } = options;
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const target = typeof where === "string" ? { socketPath: where } : { host: "127.0.0.1", port: where };
  const outgoing = request({ ...target, path, method, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () =>
      resolve({
        status: response.statusCode ?? 0,
        body: Buffer.concat(chunks).toString(),
        type: response.headers["content-type"] ?? "",
      }),
    );
    response.on("error", reject);
  });
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}
