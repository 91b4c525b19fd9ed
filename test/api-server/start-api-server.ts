import type { IncomingMessage, ServerResponse } from "node:http";
import { DAEMON_RULES, type Rule } from "./access.ts";
import { makeCertificates } from "./certificates.ts";
import { type Credentials, makeCredentials } from "./credentials.ts";
import { type Fault, makeFaults, type Match } from "./faults.ts";
import { handle } from "./handle.ts";
import { type Listener, listen } from "./listener.ts";
import { type ApiObject, isObject, textAt } from "./objects.ts";
import { makeRequestLog, type RequestLog } from "./request-log.ts";
import { apiVersion, type Resource, RESOURCES } from "./resources.ts";
import type { Sample } from "./samples.ts";
import { openStore } from "./store.ts";
import { type Bell, makeBell } from "./until.ts";
import type { OpenWatch, WatchMishap, WatchOptions } from "./watching.ts";
import { complete } from "./writing.ts";

export interface ApiServerOptions extends Partial<WatchOptions> {
  readonly rules?: readonly Rule[];
  /** Those that there are beside `default` and `kube-system`. `put` adds to them. */
  readonly namespaces?: readonly string[];
  /** Resources that are not served, as when a CustomResourceDefinition is missing. */
  readonly without?: readonly Resource[];
}

/** A Kubernetes API server with a few resources and no controllers. README.md says what is as in a real one and what is not. */
export interface ApiServer
  extends
    Pick<
      Credentials,
      "adminKubeconfig" | "adminToken" | "caFile" | "directory" | "kubeconfig" | "revoke" | "rotate" | "tokenFile"
    >,
    Pick<Listener, "connections" | "cutConnections" | "down" | "port" | "up">,
    Pick<RequestLog, "counts">,
    Pick<Bell, "until"> {
  readonly url: string;
  /** PEM of the first authority. */
  readonly ca: string;
  /** A new authority, in its file and behind the server's certificate. Connections that are open stay. */
  readonly renewCertificates: () => void;

  /** Creates or replaces, past all rules; what was there keeps its uid. */
  readonly put: (object: Sample) => ApiObject;
  /** Deletes at once. */
  readonly remove: (object: Sample) => void;
  readonly get: (object: Sample) => ApiObject | undefined;
  /** In the form in which they are kept, core/v1. */
  readonly events: () => readonly ApiObject[];
  /** Forgets the history: lists and watches from versions before now are expired. */
  readonly compact: () => void;
  readonly revision: () => string;
  /** From now on these are the rules. */
  readonly allow: (rules: readonly Rule[]) => void;
  /** Serves a resource that it did not, or no longer one that it did. */
  readonly install: (resource: Resource) => void;
  readonly uninstall: (resource: Resource) => void;

  /** The next matching requests, `times` of them, fail. */
  readonly fail: (match: Match, fault: Fault, times?: number) => void;
  /** No request fails any more. Those that hang go on hanging. */
  readonly heal: () => void;
  readonly watches: (resource?: Resource) => readonly OpenWatch[];
  /** Sends a BOOKMARK to all that asked for them. */
  readonly bookmark: () => void;
  readonly disturb: (mishap: WatchMishap, resource?: Resource) => void;

  /** Those since the last reset, oldest first. */
  readonly requests: RequestLog["all"];
  /** Forgets requests and faults; objects stay. */
  readonly reset: () => void;
  readonly stop: () => Promise<void>;
}

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const bell = makeBell();
  const log = makeRequestLog();
  const faults = makeFaults();
  const watches = new Set<OpenWatch>();
  const installed = new Set(RESOURCES.filter((resource) => !options.without?.includes(resource)));
  const namespaces = new Set(["default", "kube-system", ...(options.namespaces ?? [])]);
  let rules = options.rules ?? DAEMON_RULES;
  const store = openStore((change) => {
    for (const watch of watches) watch.see(change);
    bell.ring();
  });

  const certificates = makeCertificates();
  const { ca } = certificates;
  const answer = (request: IncomingMessage, response: ServerResponse): Promise<void> =>
    handle(
      { store, faults, log, bell, watches, installed, namespaces, rules, users: credentials.users, watch },
      request,
      response,
    );
  const watch: WatchOptions = { sendInitialEvents: "refused", expiry: "event", ...options };
  const listener = await listen(certificates, answer, bell.ring);
  const url = `https://127.0.0.1:${listener.port}`;
  const credentials = makeCredentials(url, ca);

  const watchesOf = (resource?: Resource): readonly OpenWatch[] =>
    [...watches].filter((open) => resource === undefined || open.resource === resource);
  const find = (object: Sample): ApiObject | undefined =>
    store.get(resourceOf(object).collection, object.metadata.namespace, object.metadata.name);

  return {
    ...credentials,
    ...listener,
    url,
    ca,
    renewCertificates: () => {
      const renewed = makeCertificates();
      listener.use(renewed);
      credentials.trust(renewed.ca);
    },
    put: (object) => {
      const resource = resourceOf(object);
      const { namespace, name } = object.metadata;
      namespaces.add(namespace);
      const { metadata, ...rest } = complete(resource, object, namespace, name);
      const { creationTimestamp, uid } = find(object)?.metadata ?? metadata;
      const chosen = textAt(object, "metadata.uid") || uid;
      return store.put(resource.collection, { ...rest, metadata: { ...metadata, creationTimestamp, uid: chosen } });
    },
    remove: (object) => {
      const found = find(object);
      if (found !== undefined) store.remove(resourceOf(object).collection, found);
    },
    get: find,
    events: () => store.list("events"),
    compact: store.compact,
    revision: () => String(store.revision()),
    allow: (those) => {
      rules = those;
    },
    install: (resource) => installed.add(resource),
    uninstall: (resource) => installed.delete(resource),
    fail: (match, fault, times = 1) => faults.add(match, fault, times),
    heal: faults.clear,
    watches: watchesOf,
    bookmark: () => watchesOf().forEach((open) => open.bookmark()),
    disturb: (mishap, resource) => watchesOf(resource).forEach((open) => open.suffer(mishap)),
    requests: log.all,
    counts: log.counts,
    reset: () => {
      log.reset();
      faults.clear();
    },
    until: bell.until,
    stop: async () => {
      await listener.down();
      credentials.remove();
    },
  };
}

function resourceOf(object: Sample): Resource {
  const found = RESOURCES.find(
    (resource) => resource.kind === object.kind && apiVersion(resource) === object.apiVersion,
  );
  if (found === undefined || !isObject(object.metadata))
    throw new Error(`no resource for ${object.apiVersion} ${object.kind}`);
  return found;
}
