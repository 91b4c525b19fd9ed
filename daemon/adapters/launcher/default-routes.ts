/** Default routes by way of iproute2, the host's own, run in the sandbox's network namespace. */
import * as z from "zod";
import { ipFamily } from "../../domain/addresses.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { NetnsPath } from "../../domain/ids.ts";
import type { DefaultRoute, Sandboxes } from "../../ports/sandboxes.ts";
import { errnoName } from "./errno-name.ts";
import type { SupervisedLauncher } from "./supervised-launcher.ts";
import type { Reply } from "./wire.ts";

const PLACES = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** It takes a millisecond, unless the kernel has many links to deal with and lets it wait. */
const TIMEOUT_MS = 20_000;

/** Some thousands of routes. */
const MAX_OUTPUT_BYTES = 1 << 20;

export function launcherDefaultRoutes(
  launcher: SupervisedLauncher,
): Pick<Sandboxes, "readDefaultRoutes" | "replaceDefaultRoutes"> {
  /** Runs it to its end, whatever its exit status. */
  async function ip(netns: NetnsPath, args: readonly string[], signal: AbortSignal): Promise<Reply> {
    for (const place of PLACES) {
      const limits = { timeoutMs: TIMEOUT_MS, maxOutputBytes: MAX_OUTPUT_BYTES };
      const reply = await launcher.ask({ op: "run-in-netns", netns, path: `${place}/ip`, args, ...limits }, signal);
      if (reply.kind === "exited") return reply;
      if (reply.kind !== "no-such-plugin") throw failureOf(reply, netns);
    }
    throw new PlexusError("delegate-missing", `the program ip of iproute2 is in none of ${PLACES.join(", ")}`, {
      details: "install iproute2 on the node, or ask for no default-route in the pod's networks annotation",
    });
  }

  return {
    async readDefaultRoutes(netns, family, signal) {
      const reply = await ip(netns, ["-json", `-${family}`, "route", "show", "default"], signal);
      if (reply.code !== 0) throw unreadable(complaintOf(reply));
      return parseRoutes(reply.stdout.toString());
    },

    async replaceDefaultRoutes(netns, family, routes, signal) {
      const route = async (...args: readonly string[]): Promise<void> => {
        const reply = await ip(netns, [`-${family}`, "route", ...args], signal);
        if (reply.code !== 0) throw new PlexusError("invalid-config", complaintOf(reply));
      };
      await route("flush", "default");
      for (const { ifName, gateway, attributes = [] } of routes) {
        const via = gateway === undefined ? [] : ["via", ipFamily(gateway) === 6 ? "inet6" : "inet", gateway];
        await route("append", "default", ...via, "dev", ifName, ...attributes);
      }
    },
  };
}

const Route = z.object({
  dev: z.string().optional(),
  gateway: z.string().optional(),
  /** An IPv4 route's gateway that has an IPv6 address. */
  via: z.object({ host: z.string() }).optional(),
  protocol: z.string().optional(),
  scope: z.string().optional(),
  prefsrc: z.string().optional(),
  metric: z.number().optional(),
  pref: z.string().optional(),
  flags: z.array(z.string()).default([]),
  metrics: z.array(z.record(z.string(), z.union([z.string(), z.number()]))).default([]),
});

function parseRoutes(text: string): readonly DefaultRoute[] {
  try {
    return z
      .array(Route)
      .parse(JSON.parse(text.trim() || "[]"))
      .map(toDefaultRoute);
  } catch (cause) {
    throw unreadable("ip printed something else than routes in JSON", cause);
  }
}

function toDefaultRoute({ dev, gateway, via, flags, metrics, ...others }: z.output<typeof Route>): DefaultRoute {
  const { protocol, scope, prefsrc, metric, pref } = others;
  const words = [
    ...Object.entries({ proto: protocol, scope, src: prefsrc, metric, pref }),
    ...metrics.flatMap(Object.entries),
  ];
  return {
    ifName: dev,
    gateway: gateway ?? via?.host,
    attributes: [
      ...words.flatMap(([word, value]) => (value === undefined ? [] : [word, String(value)])),
      ...flags.filter((flag) => flag === "onlink"),
    ],
  };
}

/** The kernel's or iproute2's reason, without what leads it. */
function complaintOf({ code, stderr }: Reply): string {
  const [first = ""] = stderr.toString().split("\n");
  return first.replace(/^(?:Error|RTNETLINK answers): |\.$/g, "") || `ip ended with status ${code}`;
}

function unreadable(reason: string, cause?: unknown): PlexusError {
  return new PlexusError("io-failure", `the sandbox's default routes cannot be read: ${reason}`, {
    details: "the node needs iproute2 4.16 or later, which knows -json",
    cause,
  });
}

function failureOf({ kind, code }: Reply, netns: NetnsPath): PlexusError {
  switch (kind) {
    case "host-netns":
      return new PlexusError(
        "invalid-netns",
        `${netns} is the host's own network namespace: its routes are left alone`,
        {
          details: "ask for no default-route in the networks annotation of a pod that shares the host's network",
        },
      );
    case "not-a-netns":
      return new PlexusError("invalid-netns", `${netns} is not a network namespace`);
    case "cannot-open-netns":
      return new PlexusError("invalid-netns", `network namespace ${netns} cannot be opened: ${errnoName(code)}`);
    case "cancelled":
      return new PlexusError("try-again-later", "ip was stopped because the request was given up");
    case "timed-out":
      return new PlexusError("io-failure", `ip did not finish within ${TIMEOUT_MS / 1000} s and was killed`);
    case "killed":
      return new PlexusError("io-failure", `ip was killed by signal ${code}`);
    case "too-much-output":
      return new PlexusError("io-failure", `ip wrote more than ${MAX_OUTPUT_BYTES} bytes and was killed`);
    default:
      return new PlexusError("io-failure", `ip could not be run: ${errnoName(code)}`);
  }
}
