/**
 * Builds what is missing of the real parts, once, into a cache outside the checkout, and prints each part with its version and origin.
 *
 *   node test/real/build.ts [GROUP...]      all groups unless some are named
 *
 * Exit status 77: the parts cannot be had on this machine; the last line says why.
 */
import { spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findGo, type Go } from "./go.ts";
import {
  GO_GROUPS,
  type GoGroup,
  type GoGroupName,
  GROUP_NAMES,
  groupDirectory,
  type GroupName,
  here,
  IMAGE_GROUPS,
  MISSING,
  moduleVersion,
  realCache,
} from "./parts.ts";

const NOT_HERE = 77;
const VERSIONS = "versions";
/** Set for the process that holds the cache's lock. */
const LOCKED = "PLEXUS_REAL_LOCKED";
const LOCK_SECONDS = "5400";

class Unobtainable extends Error {}

const say = (text: string): void => void process.stdout.write(`real: ${text}\n`);

function isBuilt(name: GroupName): boolean {
  return existsSync(join(groupDirectory(name), VERSIONS));
}

/** Runs a command at low priority, for a build must not slow down what else the machine does. */
function run(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): number {
  return spawnSync("nice", ["-n", "10", ...command], { cwd, env, stdio: ["ignore", "inherit", "inherit"] }).status ?? 1;
}

function buildDebian(out: string): void {
  const work = `${out}.work`;
  const status = run(["sh", here("make-debian.sh"), out, work], here(), process.env);
  rmSync(work, { recursive: true, force: true });
  if (status === NOT_HERE) throw new Unobtainable("Debian's packages could not be fetched (see above)");
  if (status !== 0) throw new Error("Debian's packages could not be unpacked (see above)");
}

/** What the linker has to put into programs that tell their version. */
function linkerFlags({ versioned = [], needsC }: GoGroup, version: string): string {
  const [major = "", minor = ""] = version.slice(1).split(".");
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "archive" };
  const settings = versioned.flatMap((name) =>
    Object.entries(values).map(([key, value]) => `-X ${name}.${key}=${value}`),
  );
  const linkage = needsC === true ? ["-linkmode=external", '"-extldflags=-static"'] : [];
  return ["-s", "-w", ...linkage, ...settings].join(" ");
}

function buildGo(name: GoGroupName, out: string, go: Go): void {
  const group: GoGroup = GO_GROUPS[name];
  const env = {
    ...process.env,
    ...go.env,
    CGO_ENABLED: group.needsC === true ? "1" : "0",
    GOFLAGS: "-mod=readonly -trimpath -buildvcs=false",
  };
  const packages = Object.values(group.programs);
  const fetched = spawnSync(go.program, ["list", "-deps", ...packages], { cwd: here(name), env, maxBuffer: 1e8 });
  if (fetched.status !== 0) {
    process.stderr.write(fetched.stderr);
    throw new Unobtainable(`the modules of ${name} could not be fetched (is the Go module proxy within reach?)`);
  }
  const version = moduleVersion(name);
  const flags = linkerFlags(group, version);
  for (const [program, path] of Object.entries(group.programs)) {
    const status = run(
      [go.program, "build", "-ldflags", flags, "-o", join(out, "bin", program), path],
      here(name),
      env,
    );
    if (status !== 0) throw new Error(`${program} could not be compiled (see above)`);
  }
  for (const [alias, program] of Object.entries(group.aliases ?? {})) {
    linkSync(join(out, "bin", program), join(out, "bin", alias));
  }
  const origin = `Go module ${group.module} ${version}, compiled by ${go.version}`;
  const lines = Object.keys(group.programs).map((program) => `${program} ${version} (${origin})\n`);
  writeFileSync(join(out, VERSIONS), lines.join(""));
}

/** Archives of the images that other projects' manifests name, and the manifests. */
function buildImages(out: string, go: Go): void {
  const env: NodeJS.ProcessEnv = { ...process.env, DEBIAN: groupDirectory("debian") };
  for (const name of IMAGE_GROUPS) {
    const { module } = GO_GROUPS[name];
    const options = { cwd: here(name), env: { ...process.env, ...go.env }, encoding: "utf8" } as const;
    const { stdout } = spawnSync(go.program, ["list", "-m", "-f", "{{.Dir}}", module], options);
    env[name.toUpperCase()] = groupDirectory(name);
    env[`${name.toUpperCase()}_SOURCE`] = stdout.trim();
  }
  const status = run(["sh", here("make-images.sh"), out], here(), env);
  if (status === NOT_HERE) throw new Unobtainable("Debian's packages for the images could not be fetched (see above)");
  if (status !== 0) throw new Error("the images could not be made (see above)");
}

function build(name: GroupName, go: () => Go): void {
  const out = groupDirectory(name);
  if (!isBuilt(name)) {
    say(`${name}: making it, once, in ${out}`);
    const begin = Date.now();
    rmSync(out, { recursive: true, force: true });
    mkdirSync(join(out, "bin"), { recursive: true });
    if (name === "debian") buildDebian(out);
    else if (name === "images") buildImages(out, go());
    else buildGo(name, out, go());
    say(`${name}: made in ${String(Math.round((Date.now() - begin) / 1000))} s`);
  }
  for (const line of readFileSync(join(out, VERSIONS), "utf8").trim().split("\n")) say(line);
}

function main(names: readonly string[]): number {
  const unknown = names.filter((name) => !GROUP_NAMES.some((known) => known === name));
  if (unknown.length > 0)
    throw new Error(`no group is called ${unknown.join(", ")}; groups: ${GROUP_NAMES.join(", ")}`);
  const wanted = GROUP_NAMES.filter((name) => names.length === 0 || names.includes(name));
  mkdirSync(realCache(), { recursive: true });
  if (process.env[LOCKED] === undefined && !wanted.every(isBuilt)) {
    const lock = ["--timeout", LOCK_SECONDS, join(realCache(), "lock"), process.execPath, here("build.ts"), ...names];
    return spawnSync("flock", lock, { stdio: "inherit", env: { ...process.env, [LOCKED]: "1" } }).status ?? 1;
  }
  let found: Go | undefined;
  const go = (): Go => {
    found ??= findGo(join(realCache(), "go"));
    if (found === undefined)
      throw new Unobtainable("there is no Go on this machine, and Debian's could not be fetched");
    return found;
  };
  try {
    for (const name of wanted) build(name, go);
  } catch (error) {
    if (!(error instanceof Unobtainable)) throw error;
    say(`NOT RUN: ${error.message}`);
    return NOT_HERE;
  }
  for (const [part, reason] of Object.entries(MISSING)) say(`${part}: cannot be had: ${reason}`);
  return 0;
}

process.exitCode = main(process.argv.slice(2));
