/** Bundles the daemon into `dist/plexus-daemon.mjs`, and its installer into `dist/plexus-install.mjs`, with every proto file that it loads at run time in `dist/proto/`. */
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { describeProtos } from "./describe-protos.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

/** Proto files and where they go in `dist/proto/`: ours, and those that two packages look for beside their own sources. */
const protos = [
  { from: "proto", to: "" },
  { from: "node_modules/grpc-health-check/proto", to: "" },
  { from: "node_modules/@grpc/reflection/build/proto/grpc", to: "grpc" },
];

/**
 * Makes those packages look into `proto/` beside the bundle. The daemon imports them late, so they are in a part of the bundle
 * under `plexus-daemon.d/`, where the banner below puts their `__dirname`.
 */
const protosBesideTheBundle: Plugin = {
  name: "protos-beside-the-bundle",
  setup(bundler) {
    const sources =
      /(grpc-health-check\/build\/src\/health|@grpc\/reflection\/build\/src\/implementations\/reflection-v1(alpha)?)\.js$/;
    bundler.onLoad({ filter: sources }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const contents = source.replaceAll("../../proto", "../proto");
      if (contents === source) throw new Error(`${path} no longer looks for its protos in ../../proto`);
      return { contents, loader: "js" };
    });
  },
};

// package.json is ours, and npm insists on a version in it.
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { readonly version: string };
await mkdir(dist, { recursive: true });
const fresh = await mkdtemp(join(dist, ".daemon-"));
await build({
  entryPoints: { "plexus-daemon": join(root, "daemon/main.ts"), "plexus-install": join(root, "daemon/install.ts") },
  outdir: fresh,
  outExtension: { ".js": ".mjs" },
  // What is imported only when it is needed stays out of the way until then: the Kubernetes client is 18 MB, and only a kubeconfig needs it.
  splitting: true,
  chunkNames: "plexus-daemon.d/[name]-[hash]",
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  banner: {
    js: [
      'import { createRequire } from "node:module";',
      "const require = createRequire(import.meta.url);",
      "const __dirname = import.meta.dirname;",
    ].join("\n"),
  },
  define: { PLEXUS_VERSION: JSON.stringify(version) },
  plugins: [protosBesideTheBundle],
  // Comments with emoji made V8 keep the bundle with two bytes a character. Licences stay, at the end of each file.
  minifyWhitespace: true,
  logLevel: "warning",
});

for (const { from, to } of protos) await cp(join(root, from), join(dist, "proto", to), { recursive: true });
await describeProtos(root, join(dist, "proto/plexus.binpb"));
await cp(join(root, "daemon/plexus-daemon.sh"), join(fresh, "plexus-daemon"));
await chmod(join(fresh, "plexus-daemon"), 0o755);
await rm(join(dist, "plexus-daemon.d"), { recursive: true, force: true });
for (const part of ["plexus-daemon.d", "plexus-daemon.mjs", "plexus-install.mjs", "plexus-daemon"])
  await rename(join(fresh, part), join(dist, part));
await rm(fresh, { recursive: true });
