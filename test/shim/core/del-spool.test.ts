import { describe, expect, it } from "vitest";
import type { CniEnvironment } from "../../../shim/core/cni-environment.ts";
import { MAX_FILES_TO_KEEP_NETNS, MAX_SPOOL_FILES, spoolDel } from "../../../shim/core/del-spool.ts";
import { toUtf8 } from "../../../shim/core/utf8.ts";
import { BOOT_ID, fakeDisk, type FakeDisk, type FakeDiskOptions } from "./fake-disk.ts";
import { fakeIo } from "./fake-io.ts";

const environment: CniEnvironment = {
  containerId: "c1",
  ifname: "eth0",
  netns: "/n",
  args: "A=B",
  path: "/opt/cni/bin",
  netnsOverride: "1",
};
const spool = "/var/lib/spool";
const place = `${spool}/c1@eth0.json`;
const temporary = `${spool}/.c1@eth0.json.77-1`;
const directories = ["/var", "/var/lib", spool];

const filled = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${spool}/.${i}`, ""]));

function run(options: FakeDiskOptions = {}, given: Partial<CniEnvironment> = {}, config = '{"name":"n"}') {
  const disk = fakeDisk({ directories, ...options });
  const fault = spoolDel(fakeIo({ disk }), spool, { ...environment, ...given }, toUtf8(config));
  return { fault, disk };
}

describe("spoolDel", () => {
  it("puts what it wrote in place, and then makes that last", () => {
    const { fault, disk } = run();
    expect(fault).toBe("");
    expect(disk.log).toEqual([`create ${temporary}`, `rename ${temporary} ${place}`, `sync ${spool}`]);
    expect([...disk.files.keys()]).toEqual([place]);
  });

  it("writes one line of JSON with the config to the byte", () => {
    const config = '{ "name": "n",\n  "limit": 12345678901234567890, "a": 1, "a": 1.0 }\n';
    expect(run({}, {}, config).disk.files.get(place)).toBe(
      '{"version":1,"at":1700000000000,"containerId":"c1","ifName":"eth0","netns":"/n",' +
        `"netnsIdentity":"","netnsKept":false,"bootId":"${BOOT_ID}","netnsOverride":"1","args":"A=B",` +
        `"path":"/opt/cni/bin","conf":${config}}\n`,
    );
  });

  it("takes any text", () => {
    const args = '"\\\u0000\u0001\n\u007f\u2028é🚀';
    expect(JSON.parse(run({}, { args, netns: "" }).disk.files.get(place) ?? "")).toMatchObject({ args, netns: "" });
  });

  it("takes the place of an earlier DEL of the same interface", () => {
    const { fault, disk } = run({ files: { [place]: "the earlier one", [`${spool}/c1@eth1.json`]: "another" } });
    expect(fault).toBe("");
    expect([...disk.files.keys()].toSorted()).toEqual([place, `${spool}/c1@eth1.json`]);
    expect(disk.files.get(place)).toContain('"version":1');
  });

  it("makes the directories that are missing, and makes each last", () => {
    const { fault, disk } = run({ directories: ["/var"] });
    expect(fault).toBe("");
    expect(disk.log.slice(0, 4)).toEqual(["mkdir /var/lib", "sync /var/", "mkdir /var/lib/spool", "sync /var/lib/"]);
  });

  it.each([
    { step: `create ${temporary}`, why: "the file cannot be written" },
    { step: "rename", why: "the file cannot be put in place" },
  ])("leaves nothing behind when $why", ({ step }) => {
    const { fault, disk } = run({ refuses: step, files: { [place]: "the earlier one" } });
    expect(fault).toBe("the disk refuses");
    expect([...disk.files]).toEqual([[place, "the earlier one"]]);
    expect(disk.log).toContain(`remove ${temporary}`);
  });

  it.each([
    { step: `sync ${spool}`, why: "it may not last", directories },
    { step: "mkdir", why: "a directory cannot be made", directories: [] },
    { step: "sync /var/", why: "a new directory may not last", directories: ["/var"] },
  ])("says so when $why", ({ step, directories }) => {
    expect(run({ refuses: step, directories }).fault).toBe("the disk refuses");
  });

  it("refuses when there are too many files, whatever they are, and says what to do", () => {
    const { fault, disk } = run({ files: filled(MAX_SPOOL_FILES) });
    expect(fault).toBe("it is full with 4096 files; start the daemon, which works them off");
    expect(disk.files.size).toBe(MAX_SPOOL_FILES);
    expect(run({ files: filled(MAX_SPOOL_FILES - 1) }).fault).toBe("");
  });
});

describe("the network namespace of a spooled DEL", () => {
  const kept = `${spool}/c1@eth0.netns`;
  const live = { "/n": "4:17:5" };
  const entry = (disk: FakeDisk) => JSON.parse(disk.files.get(place) ?? "") as Record<string, unknown>;

  it("is kept alive beside the entry, which says so", () => {
    const { fault, disk } = run({ namespaces: live });
    expect(fault).toBe("");
    expect(disk.log.slice(0, 3)).toEqual([`create ${kept}`, `mount /n ${kept}`, `create ${temporary}`]);
    expect(disk.namespaces.get(kept)).toBe("4:17:5");
    expect(entry(disk)).toMatchObject({ netns: "/n", netnsIdentity: "4:17:5", netnsKept: true, bootId: BOOT_ID });
  });

  it("stays kept when the runtime repeats the DEL after it removed its own path", () => {
    const { disk } = run({ namespaces: { [kept]: "4:17:5" }, files: { [kept]: "" } }, { netns: "" });
    expect(disk.log.join()).not.toContain("mount");
    expect(entry(disk)).toMatchObject({ netns: "", netnsIdentity: "4:17:5", netnsKept: true });
  });

  it("is mounted on the file that a boot left", () => {
    const { disk } = run({ namespaces: live, files: { [kept]: "" } });
    expect(disk.namespaces.get(kept)).toBe("4:17:5");
  });

  it.each([
    { why: "its mount fails", options: { namespaces: live, refuses: "mount" }, identity: "4:17:5" },
    { why: "CNI_NETNS leads nowhere", options: {}, identity: "" },
    {
      why: "the spool holds too many files already",
      options: { namespaces: live, files: filled(MAX_FILES_TO_KEEP_NETNS) },
      identity: "4:17:5",
    },
  ])("is not kept when $why, and the DEL is spooled all the same", ({ options, identity }) => {
    const { fault, disk } = run(options);
    expect(fault).toBe("");
    expect(entry(disk)).toMatchObject({ netnsIdentity: identity, netnsKept: false });
    expect(disk.files.has(kept)).toBe(false);
    expect(disk.namespaces.has(kept)).toBe(false);
  });

  it("is released when the entry cannot be written", () => {
    const { fault, disk } = run({ namespaces: live, refuses: "rename" });
    expect(fault).toBe("the disk refuses");
    expect([...disk.files.keys()]).toEqual([]);
    expect([...disk.namespaces.keys()]).toEqual(["/n"]);
  });

  it("stays as an earlier DEL kept it when the entry cannot be written", () => {
    const { disk } = run({ namespaces: { ...live, [kept]: "4:17:5" }, files: { [kept]: "" }, refuses: "rename" });
    expect(disk.namespaces.get(kept)).toBe("4:17:5");
  });
});
