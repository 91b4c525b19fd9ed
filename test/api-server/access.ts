import { ApiError, unauthorized } from "./api-error.ts";
import { qualified } from "./resources.ts";
import { resourceLabel, type Target, type Verb } from "./target.ts";

/** Verbs on resources, named as in counts: `pods/status`, `events.events.k8s.io`. */
export interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly Verb[];
  /** Only there; everywhere when it is absent. */
  readonly namespace?: string;
}

/** What the daemon needs, and nothing else. */
export const DAEMON_RULES: readonly Rule[] = [
  { resources: ["pods", "network-attachment-definitions"], verbs: ["get", "list", "watch"] },
  { resources: ["pods/status"], verbs: ["patch"] },
  { resources: ["events", "events.events.k8s.io"], verbs: ["create", "patch"] },
  { resources: ["resourceclaims"], verbs: ["get"] },
  { resources: ["resourceslices"], verbs: ["list", "watch"] },
];

/** May do anything. */
export const ADMIN = "kubernetes-admin";
const ANONYMOUS = "system:anonymous";

/** The user of an Authorization header. Throws 401 for a token that nobody has. */
export function authenticate(header: string | undefined, users: ReadonlyMap<string, string>): string {
  if (header === undefined) return ANONYMOUS;
  const user = users.get(/^Bearer (.+)$/.exec(header)?.[1] ?? "");
  if (user === undefined) throw unauthorized();
  return user;
}

/** Throws 403 unless a rule allows it. */
export function authorize(user: string, target: Target, rules: readonly Rule[]): void {
  const label = resourceLabel(target);
  const allowed = rules.some(
    ({ resources, verbs, namespace }) =>
      verbs.includes(target.verb) &&
      resources.includes(label) &&
      (namespace === undefined || namespace === target.namespace),
  );
  if (user !== ADMIN && (user === ANONYMOUS || !allowed)) throw forbidden(user, target);
}

function forbidden(user: string, target: Target): ApiError {
  const { verb, group, plural, namespace, name, subresource } = target;
  const resource = subresource ? `${plural}/${subresource}` : plural;
  const where = namespace ? `in the namespace "${namespace}"` : "at the cluster scope";
  return new ApiError(
    403,
    "Forbidden",
    `${qualified(target)}${name && ` "${name}"`} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`,
    { details: { ...(name && { name }), ...(group && { group }), kind: plural } },
  );
}
