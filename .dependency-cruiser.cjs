/** Which part may import which. Everything that a rule does not name is allowed. */

/** Files under `from` import nothing but what matches one of `may`. */
const only = (name, from, ...may) => ({
  name,
  severity: "error",
  from: { path: from },
  to: { pathNot: may },
});

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "everything-resolves", severity: "error", from: {}, to: { couldNotResolve: true } },

    only("domain-is-pure", "^daemon/domain/", "^daemon/domain/", "^node_modules/zod/"),
    only("ports-know-the-domain", "^daemon/ports/", "^daemon/(domain|ports)/"),
    // The rooms of operations/, from the ground up. Each room sees the ones below it; scope.ts is the floor of all.
    ...[
      ["scheduling"],
      ["planning", "scheduling"],
      ["attachments", "planning", "scheduling"],
      ["verbs", "attachments", "planning", "scheduling"],
      ["recovery", "verbs", "attachments", "planning", "scheduling"],
      ["runtime-conf", "planning"],
      ["observability", "recovery", "verbs", "attachments", "planning", "scheduling"],
    ].map(([room, ...below]) =>
      only(
        `operations-${room}`,
        `^daemon/operations/${room}/`,
        "^daemon/(domain|ports|lib)/",
        `^daemon/operations/(scope\\.ts$|(${[room, ...below].join("|")})/)`,
        "^node_modules/p-queue/",
      ),
    ),
    only(
      "migration-stands-beside",
      "^daemon/migration/",
      "^daemon/(domain|ports|lib|migration)/",
      "^node_modules/zod/",
      "^(node:)?(fs|path|crypto)",
    ),
    only("lib-knows-nothing-of-ours", "^daemon/lib/", "^daemon/lib/", "^(node:)?(fs|path|crypto|timers|events)"),
    {
      name: "adapters-stay-apart",
      severity: "error",
      from: { path: "^daemon/adapters/([^/]+)/" },
      to: { path: "^daemon/", pathNot: ["^daemon/(domain|ports|lib)/", "^daemon/adapters/$1/"] },
    },
    {
      name: "only-the-composition-wires",
      severity: "error",
      from: { path: "^daemon/", pathNot: ["^daemon/(main\\.ts$|compose/)", "^daemon/adapters/"] },
      to: { path: "^daemon/(adapters/|compose/|main\\.ts$)" },
    },

    // The gRPC server of plexus.sock and the shim's client read and write the same bytes, with the same code.
    {
      name: "shim-and-server-share-the-wire",
      severity: "error",
      from: { path: "^daemon/" },
      to: { path: "^shim/", pathNot: "^shim/core/(bytes|hpack|http2|protobuf)\\.ts$" },
    },
    {
      name: "only-the-server-speaks-to-the-shim",
      severity: "error",
      from: { path: "^daemon/", pathNot: "^daemon/server/" },
      to: { path: "^shim/" },
    },
    only("shim-core-is-pure", "^shim/core/", "^shim/core/"),
    only("shim-stays-thin", "^shim/host/", "^shim/", "^fs$"),

    {
      name: "product-never-imports-the-rest",
      severity: "error",
      from: { path: "^(daemon|shim)/" },
      to: { path: "^(test|demo|scripts)/" },
    },
    {
      name: "demo-and-scripts-stay-outside",
      severity: "error",
      from: { path: "^(demo|scripts)/" },
      to: { path: "^(daemon|shim|test)/", pathNot: ["^daemon/domain/", "^test/spec/"] },
    },
    {
      name: "tests-of-the-shim-know-no-daemon",
      severity: "error",
      from: { path: "^test/shim/" },
      to: { path: "^daemon/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|shim/node_modules)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { conditionNames: ["import", "types", "node", "default"], exportsFields: ["exports"] },
  },
};
