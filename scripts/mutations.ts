/** The mechanisms that the promises of docs/reliability.md rest on, each with a change to the sources that takes it away and a test that must notice. */

export interface Mutation {
  /** How docs/reliability.md calls it. */
  readonly name: string;
  readonly file: string;
  /** Occurs there exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly test: string;
  /** Which tests of that file, as a pattern of their names; all unless given. */
  readonly only?: string;
}

export function mutated(text: string, { name, file, find, replace }: Mutation): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${name}: this must occur exactly once in ${file}: ${find}`);
  }
  return before + replace + after;
}

const ADD = "daemon/operations/verbs/add.ts";
const ATTACH = "daemon/operations/attachments/attach.ts";
const DETACH = "daemon/operations/attachments/detach.ts";
const RESUME = "daemon/operations/recovery/resume.ts";
const QUEUE = "daemon/operations/scheduling/sandbox-queue.ts";
const JOURNAL = "daemon/adapters/journal/file-journal.ts";
const JOURNAL_DISK = "daemon/adapters/journal/disk.ts";
const ONE_LAUNCHER = "daemon/adapters/launcher/one-launcher.ts";
const LAUNCHER = "daemon/launcher/launcher.c";
const SHIM = "shim/core/shim.ts";
const SHIM_SPOOL = "shim/core/del-spool.ts";

const DISK_TEST = "test/node/disk/faulty-disk.test.ts";
const JOURNAL_TEST = "test/adapters/journal/file-journal.test.ts";
const CRASH_TEST = "test/node/crash/crash.test.ts";
const RESTART_TEST = "test/node/restart/restart.test.ts";
const BAD_INPUT_TEST = "test/node/sandbox/bad-input.test.ts";
const SUPERVISION_TEST = "test/adapters/launcher/supervision.test.ts";
const PLUGINS_TEST = "test/adapters/launcher/running-plugins.test.ts";
const MODEL_TEST = "test/model/model.test.ts";
const DEL_TEST = "test/operations/verbs/del.test.ts";
const RESUME_TEST = "test/operations/recovery/resume.test.ts";
const SERVER_TEST = "test/server/server.test.ts";

export const MUTATIONS: readonly Mutation[] = [
  // Disks.
  {
    name: "plugins run before the intent is on record",
    file: ATTACH,
    find: "  await deps.journal.write({ ...record, attachments: [...others, ...intents] });\n",
    replace: "",
    test: DISK_TEST,
    only: "no ADD begins",
  },
  {
    name: "a failed ADD is not undone",
    file: ATTACH,
    find: "    await undo(deps, { ...record, attachments: [...others, ...begun] }, begun.length, defaultRoutes, scope);\n",
    replace: "",
    test: DISK_TEST,
    only: "full when everything is attached",
  },
  {
    name: "DEL needs room to say that it begins",
    file: DETACH,
    find: "    warn(`the DEL could not be put on record, and goes on: ${PlexusError.from(thrown).message}`);\n",
    replace: "    throw thrown;\n",
    test: DISK_TEST,
    only: "full, DEL succeeds all the same",
  },
  {
    name: "what failed is forgotten",
    file: DETACH,
    find: "(selection.which(one) ? (left.get(one) ?? []) : one)",
    replace: "(selection.which(one) ? [] : one)",
    test: DISK_TEST,
    only: "stays on record as it was",
  },
  {
    name: "DEL succeeds though the record is left",
    file: DETACH,
    find: "    await keep(deps, { ...begun, attachments });\n",
    replace: "    await keep(deps, { ...begun, attachments }).catch(() => undefined);\n",
    test: DISK_TEST,
    only: "read-only, DEL takes everything away",
  },
  {
    name: "a write that the disk refuses counts as done",
    file: JOURNAL,
    find: '        refused("write", name)(cause);\n',
    replace: "",
    test: JOURNAL_TEST,
    only: "a disk that refuses",
  },
  {
    name: "content is not synced",
    file: JOURNAL_DISK,
    find: "    await file.sync();\n",
    replace: "",
    test: JOURNAL_TEST,
    only: "a crash at any step",
  },
  {
    name: "names are not synced",
    file: JOURNAL_DISK,
    find: "    await directory.sync();\n",
    replace: "",
    test: JOURNAL_TEST,
    only: "a crash at any step",
  },
  {
    name: "half-written files stay",
    file: JOURNAL,
    find: '  await sweep(disk, directory).catch(refused("clean up", directory));\n',
    replace: "",
    test: JOURNAL_TEST,
  },
  {
    name: "the checksum is not compared",
    file: "daemon/adapters/journal/record-codec.ts",
    find: "record === undefined || version < 1 || text !== sealRecord(version, record)",
    replace: "record === undefined || version < 1",
    test: "test/adapters/journal/record-codec.test.ts",
  },
  {
    name: "a damaged record is not set aside",
    file: JOURNAL,
    find: "      await setAside(sandbox, found);\n",
    replace: "",
    test: DISK_TEST,
    only: "gives back a record",
  },
  {
    name: "a damaged record is as good as none",
    file: "daemon/operations/recovery/record-for-del.ts",
    find: "    if ((await journal.damaged()).includes(sandbox)) return rebuild(request, record?.attachments ?? [], scope);\n",
    replace: "  return undefined;\n",
    test: DISK_TEST,
    only: "gives back a record",
  },
  {
    name: "a new record needs room",
    file: "daemon/operations/recovery/rebuild-record.ts",
    find: "    scope.warn(`the new record could not be written, and the DEL goes on: ${PlexusError.from(thrown).message}`);\n",
    replace: "    throw thrown;\n",
    test: DISK_TEST,
    only: "on a full disk",
  },
  // Crashes.
  {
    name: "half-done work is not finished at start",
    file: "daemon/operations/recovery/sweep-record.ts",
    find: '    if (!record.attachments.some(which)) return isPending(record) ? "pending" : "nothing";\n',
    replace: '    if (record.attachments.length > 0) return "nothing";\n',
    test: CRASH_TEST,
    only: "of the daemon during ADD, of which the runtime knows nothing",
  },
  {
    name: "DEL does not say that it begins",
    file: DETACH,
    find: "if (!record.attachments.some(stands)) return",
    replace: "return",
    test: CRASH_TEST,
    only: "of the daemon during DEL, which the runtime forgets",
  },
  {
    name: "a sandbox that is gone with its pod is kept",
    file: "daemon/operations/recovery/sweep-record.ts",
    find: "if (!isNetnsPath(record.netns) || !(await deps.isNetnsGone(record, signal))) return false;",
    replace: "return false;",
    test: CRASH_TEST,
    only: "and then the pod goes",
  },
  {
    name: "plugins outlive the launcher that ends",
    file: LAUNCHER,
    find: "    for (size_t i = 0; i < child_count; i++) kill_tree(children[i].pid);\n",
    replace: "",
    test: SUPERVISION_TEST,
    only: "however it comes",
  },
  {
    name: "what plugins started outlives the launcher",
    file: ONE_LAUNCHER,
    find: "if (group !== undefined) killGroup(group);",
    replace: "void group;",
    test: SUPERVISION_TEST,
    only: "takes every process of its plugins along",
  },
  {
    name: "no other launcher is started",
    file: "daemon/adapters/launcher/supervised-launcher.ts",
    find: "restart = setTimeout(start, pause);",
    replace: "void start; void pause;",
    test: CRASH_TEST,
    only: "of the launcher during ADD",
  },
  // Any order.
  {
    name: "two operations of a sandbox run at once",
    file: QUEUE,
    find: "new PQueue({ concurrency: 1 })",
    replace: "new PQueue({ concurrency: 2 })",
    test: MODEL_TEST,
  },
  {
    name: "DEL waits in turn",
    file: QUEUE,
    find: 'urgency === "first" ? 1 : 0',
    replace: "0",
    test: DEL_TEST,
    only: "overtakes",
  },
  {
    name: "interfaces that are there are not looked for",
    file: ADD,
    find: "await deps.attachments.refuseTaken(request, plan.planned, scope.signal);",
    replace: "{};",
    test: BAD_INPUT_TEST,
    only: "an interface that is there already",
  },
  {
    name: "leavings are not cleared away first",
    file: ADD,
    find: "  if (record !== undefined) await deps.attachments.removeLeftovers(record, isOurs, scope);\n",
    replace: "",
    test: MODEL_TEST,
  },
  {
    name: "a DEL stops at the first plugin that fails",
    file: "daemon/operations/attachments/run-conflist.ts",
    find: "    try {\n      await work(item);\n    } catch (thrown) {\n      failures.push(PlexusError.from(thrown));\n    }\n",
    replace: "    await work(item);\n",
    test: MODEL_TEST,
  },
  // Clocks.
  {
    name: "an ADD does not do the DEL that waits first",
    file: ADD,
    find: "        await deps.settle(request, scope);\n",
    replace: "",
    test: RESUME_TEST,
    only: "with the clock",
  },
  {
    name: "a DEL that was done is done again",
    file: "daemon/operations/recovery/spooled-dels.ts",
    find: "(await spool.find(containerId, ifName))?.id === id",
    replace: "true",
    test: RESUME_TEST,
    only: "is not done again",
  },
  {
    name: "GC goes by the clock",
    file: "daemon/operations/verbs/gc.ts",
    find: "one.owner === other.owner && one.since === other.since",
    replace: "one.since >= other.since",
    test: DEL_TEST,
    only: "however the clock is set",
  },
  {
    name: "durations are taken from the time of day",
    file: "daemon/adapters/kubernetes/token-bucket.ts",
    find: "    const now = clock.monotonic();\n",
    replace: "    const now = clock.now();\n",
    test: "test/adapters/kubernetes/token-bucket.test.ts",
  },
  // Stopping and starting.
  {
    name: "what is under way is cut off",
    file: "daemon/server/server.ts",
    find: "await Promise.race([Promise.all([ended, underWay.none()]), allAnswered(underWay), untilAborted(hurry)]);",
    replace: "void underWay;",
    test: RESTART_TEST,
    only: "restarts during",
  },
  {
    name: "idle callers are waited for",
    file: "daemon/server/server.ts",
    find: "await Promise.race([Promise.all([ended, underWay.none()]), allAnswered(underWay), untilAborted(hurry)]);",
    replace: "await Promise.race([ended, untilAborted(hurry)]);",
    test: SERVER_TEST,
    only: "does not wait for",
  },
  {
    name: "two daemons work at once",
    file: "daemon/adapters/single-daemon/single-daemon.ts",
    find: "if (status === LOCK_IS_TAKEN) return false;",
    replace: "if (status === LOCK_IS_TAKEN) return true;",
    test: "test/adapters/single-daemon/single-daemon.test.ts",
  },
  {
    name: "a successor's socket is taken along",
    file: "daemon/server/socket-file.ts",
    find: "if (there?.ino === ino) await rm",
    replace: "if (there !== undefined) await rm",
    test: SERVER_TEST,
    only: "successor",
  },
  {
    name: "an ADD does not wait for the daemon",
    file: SHIM,
    find: 'if (verb === "ADD" || verb === "CHECK") return waitMs;',
    replace: 'if (verb === "CHECK") return waitMs;',
    test: RESTART_TEST,
    only: "an ADD waits for it",
  },
  {
    name: "a DEL fails without a daemon",
    file: SHIM,
    find: 'if (verb !== "DEL" || !mayTryAgain(outcome)) return fail(io, failure);',
    replace: 'if (verb !== "" || !mayTryAgain(outcome)) return fail(io, failure);',
    test: RESTART_TEST,
    only: "told to stop",
  },
  {
    name: "the spool is not drained",
    file: RESUME,
    find: "const spooledDels = (entries ?? []).map(",
    replace: "const spooledDels = (spooled ?? []).slice(0, 0).map(",
    test: RESTART_TEST,
    only: "a DEL while it is away",
  },
  {
    name: "a spooled DEL is not made to last",
    file: SHIM_SPOOL,
    find: 'if (fault === "") return disk.syncDirectory(directory);',
    replace: 'if (fault === "") return "";',
    test: "test/shim/core/del-spool.test.ts",
  },
  {
    name: "a DEL succeeds though it could not be noted",
    file: SHIM,
    find: '  if (fault === "") return SUCCESS;\n',
    replace: '  if (fault === "" || fault !== "") return SUCCESS;\n',
    test: "test/node/spool/spool.test.ts",
  },
  {
    name: "the spool has no bound",
    file: SHIM_SPOOL,
    find: " || fullness(disk, directory);",
    replace: ";",
    test: "test/shim/core/del-spool.test.ts",
  },
  // Plugins.
  {
    name: "a plugin may hang",
    file: LAUNCHER,
    find: "if (child->deadline <= time && child->fate == EXITED) end_early(child, TIMED_OUT, 0);\n        else if",
    replace: "if",
    test: BAD_INPUT_TEST,
    only: "hangs, with a child of its own",
  },
  {
    name: "a plugin alone is killed, not what it started",
    file: LAUNCHER,
    find: "    while (count-- > 1) kill(tree[count], SIGKILL);\n    kill(-root, SIGKILL);\n",
    replace: "    while (count-- > 1) kill(tree[count], SIGCONT);\n    kill(root, SIGKILL);\n",
    test: PLUGINS_TEST,
    only: "is killed to the last process",
  },
  {
    name: "a plugin may say as much as it likes",
    file: LAUNCHER,
    find: "bool too_much = said->length + (size_t)waiting > child->max_output;",
    replace: "bool too_much = false;",
    test: BAD_INPUT_TEST,
    only: "prints ten megabytes",
  },
  // The API server.
  {
    name: "a status that cannot be written is lost",
    file: "daemon/adapters/kubernetes/status-annotations.ts",
    find: "        queue.put(",
    replace: "        void (",
    test: "test/node/cluster/cluster.test.ts",
    only: "with the API server down",
  },
  {
    name: "a silent watch is believed",
    file: "daemon/adapters/kubernetes/read-watch.ts",
    find: "setTimeout(() => silent.abort(), SILENCE_MS)",
    replace: "setTimeout(() => undefined, SILENCE_MS)",
    test: "test/adapters/kubernetes/read-watch.test.ts",
  },
  {
    name: "an expired version is watched from again",
    file: "daemon/adapters/kubernetes/list-watch-state.ts",
    find: 'return { state: { ...state, next: "list", resourceVersion, notOlderThan, failures }, waitMs };',
    replace: "return { state: { ...state, resourceVersion, notOlderThan, failures }, waitMs };",
    test: "test/adapters/kubernetes/list-watch.test.ts",
    only: "expired",
  },
  {
    name: "the server's wish to be left alone is ignored",
    file: "daemon/adapters/kubernetes/list-watch-state.ts",
    find: "outcome.retryAfterMs + backoffMs(failures, random)",
    replace: "backoffMs(failures, random)",
    test: "test/adapters/kubernetes/list-watch-state.test.ts",
  },
  {
    name: "refused credentials are used again",
    file: "daemon/adapters/kubernetes/api-client.ts",
    find: "    credentials.refused();\n",
    replace: "",
    test: "test/adapters/kubernetes/api-client.test.ts",
    only: "that are refused",
  },
  // Floods and limits.
  {
    name: "what is being undone is not waited for",
    file: "daemon/server/server.ts",
    find: "Promise.all([ended, underWay.none()])",
    replace: "ended",
    test: SERVER_TEST,
    only: "nobody waits for any more",
  },
  {
    name: "a caller that is gone is served on",
    file: "daemon/server/call-scope.ts",
    find: '    controller.abort(new Error("the caller went away"));\n',
    replace: "",
    test: SERVER_TEST,
    only: "its caller goes away",
  },
  {
    name: "connections are kept",
    file: "daemon/server/connections.ts",
    find: "    onConnection(socket);\n",
    replace: "    onConnection(socket);\n    socket.destroy = () => socket;\n",
    test: "test/node/flood/flood.test.ts",
    only: "connections opened and closed",
  },
  {
    name: "the queue holds few",
    file: "daemon/config/schema.ts",
    find: "maxOperations: z.number().int().positive().default(2_000)",
    replace: "maxOperations: z.number().int().positive().default(20)",
    test: "test/node/flood/flood.test.ts",
    only: "ADDs at once",
  },
  {
    name: "the queue has no bound",
    file: QUEUE,
    find: "if (this.#held >= this.#most) {",
    replace: "if (this.#held >= Infinity) {",
    test: "test/operations/scheduling/sandbox-queue.test.ts",
  },
  {
    name: "memory is kept",
    file: "daemon/adapters/memory/give-back-when-idle.ts",
    find: "    await collect({",
    replace: "    void collect; void ({",
    test: "test/adapters/memory/give-back-when-idle.test.ts",
  },
  {
    name: "messages may be of any size",
    file: "daemon/server/wire/message-reader.ts",
    find: "const LARGEST_MESSAGE_BYTES = 16 << 20;",
    replace: "const LARGEST_MESSAGE_BYTES = 1 << 30;",
    test: SERVER_TEST,
    only: "16 MiB",
  },
  {
    name: "configs may be of any size",
    file: "daemon/server/cni-request.ts",
    find: "if (wire.config.length > LARGEST_CONFIG_BYTES) {",
    replace: "if (wire.config.length > LARGEST_CONFIG_BYTES * 100) {",
    test: SERVER_TEST,
    only: "more than a megabyte",
  },
  {
    name: "annotations may be of any size",
    file: "daemon/adapters/manifests/parse-manifest.ts",
    find: "<= MOST_ANNOTATION_BYTES;",
    replace: "<= Infinity;",
    test: "test/adapters/manifests/parse-manifest.test.ts",
  },
];
