import { describe, expect, it } from "vitest";
import type { CniEnvironment } from "../../../shim/core/cni-environment.ts";
import { MAX_SPOOL_FILES, spoolDel } from "../../../shim/core/del-spool.ts";
import { toUtf8 } from "../../../shim/core/utf8.ts";
import { fakeDisk, type FakeDiskOptions } from "./fake-disk.ts";
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
      '{"version":1,"at":1700000000000,"containerId":"c1","ifName":"eth0","netns":"/n","netnsOverride":"1","args":"A=B",' +
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

  const filled = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${spool}/.${i}`, ""]));

  it("refuses when there are too many files, whatever they are, and says what to do", () => {
    const { fault, disk } = run({ files: filled(MAX_SPOOL_FILES) });
    expect(fault).toBe("it is full with 4096 files; start the daemon, which works them off");
    expect(disk.files.size).toBe(MAX_SPOOL_FILES);
    expect(run({ files: filled(MAX_SPOOL_FILES - 1) }).fault).toBe("");
  });
});
