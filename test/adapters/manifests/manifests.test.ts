import { mkdir, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { openManifests } from "../../../daemon/adapters/manifests/manifests.ts";
import { namespace, podName } from "../../../daemon/domain/ids.ts";
import type { Networks } from "../../../daemon/ports/networks.ts";
import {
  type ManifestDirectory,
  manifestDirectory,
  NEVER,
  networkManifest,
  podManifest,
} from "./manifest-directory.ts";

const shop = namespace("shop");
const web = { namespace: shop, name: podName("web"), uid: "", annotations: {} };
const blue = (config: string) => ({ namespace: shop, name: "blue", config });
const noHurry = new AbortController().signal;
const soon = { timeout: 5_000, interval: 2 };

/** Asking for a network never reads the directory, so that what it answers was noticed. */
const configOfBlue = (networks: Networks) => () => networks.get(shop, "blue")?.config;

let directory: ManifestDirectory;
beforeEach(async () => {
  directory = await manifestDirectory();
});

describe("at the start", () => {
  it("everything in the directory is known", async () => {
    await directory.put("a.yaml", podManifest(web));
    await directory.put("b.yml", networkManifest(blue("{}")));
    const { pods, networks, problems } = await directory.open();
    expect(await pods.get(web, noHurry)).toEqual(web);
    expect(networks.get(shop, "blue")).toEqual(blue("{}"));
    expect(problems).toEqual([]);
  });

  it.each([
    { why: "there must be a directory", name: "nowhere" },
    { why: "a file is no directory", name: "file" },
  ])("$why", async ({ name }) => {
    await directory.put("file", "");
    const path = join(directory.path, name);
    await expect(openManifests({ directory: path, podWaitMs: 0, onProblem: () => undefined })).rejects.toMatchObject({
      kind: "invalid-config",
      message: `there is no manifest directory ${path}`,
    });
  });

  it("a file that makes no sense is reported and does not stop the others", async () => {
    await directory.put("a.yaml", "{");
    await directory.put("b.yaml", networkManifest(blue("{}")));
    const { networks, problems } = await directory.open();
    expect(networks.get(shop, "blue")).toEqual(blue("{}"));
    expect(problems).toEqual([expect.stringMatching(/^cannot use manifest a\.yaml, .*: line 1: /)]);
  });

  it.each([".net.yaml", ".#net.yaml", "net.yaml~", "#net.yaml#", ".net.yaml.swp", "net.yaml.bak", "README.md"])(
    "%s is not a manifest",
    async (name) => {
      await directory.put(name, "{");
      expect((await directory.open()).problems).toEqual([]);
    },
  );

  it("what is named like a manifest and is no file is reported", async () => {
    await mkdir(join(directory.path, "a.yaml"));
    await symlink("nowhere", join(directory.path, "b.yaml"));
    expect((await directory.open()).problems).toEqual([
      "cannot use manifest a.yaml, what it said before stays: it is not a file",
      "cannot use manifest b.yaml, what it said before stays: ENOENT",
    ]);
  });
});

describe("a change is noticed", () => {
  it("of a file that comes, changes and goes", async () => {
    const { networks } = await directory.open();
    await directory.put("a.json", networkManifest(blue("1")));
    await expect.poll(configOfBlue(networks), soon).toBe("1");
    await writeFile(join(directory.path, "a.json"), JSON.stringify(networkManifest(blue("2"))));
    await expect.poll(configOfBlue(networks), soon).toBe("2");
    await unlink(join(directory.path, "a.json"));
    await expect.poll(configOfBlue(networks), soon).toBeUndefined();
  });

  it("of a mounted ConfigMap, whose files are links through a link that is replaced", async () => {
    const publish = async (version: string) => {
      await mkdir(join(directory.path, version));
      await writeFile(join(directory.path, version, "a.json"), JSON.stringify(networkManifest(blue(version))));
      await symlink(version, join(directory.path, "..data_tmp"));
      await rename(join(directory.path, "..data_tmp"), join(directory.path, "..data"));
    };
    await publish("..1");
    await symlink("..data/a.json", join(directory.path, "a.json"));
    const { networks } = await directory.open();
    expect(configOfBlue(networks)()).toBe("..1");
    await publish("..2");
    await expect.poll(configOfBlue(networks), soon).toBe("..2");
  });

  it("by reading again, where nothing tells of it: behind a link", async () => {
    const target = join(directory.path, "..", "a.json");
    await writeFile(target, JSON.stringify(networkManifest(blue("1"))));
    await symlink(target, join(directory.path, "a.json"));
    const { networks } = await directory.open({ rereadMs: 5 });
    await writeFile(target, JSON.stringify(networkManifest(blue("2"))));
    await expect.poll(configOfBlue(networks), soon).toBe("2");
  });

  it("also after the directory was replaced", async () => {
    await directory.put("a.json", networkManifest(blue("1")));
    const { networks } = await directory.open({ rereadMs: 5 });
    await rename(directory.path, `${directory.path}.old`);
    await mkdir(directory.path);
    await directory.put("a.json", networkManifest(blue("2")));
    await expect.poll(configOfBlue(networks), soon).toBe("2");
  });

  it("in the new directory, once it is known to have been replaced", async () => {
    const { pods, networks } = await directory.open({ podWaitMs: 0 });
    await rename(directory.path, `${directory.path}.old`);
    await mkdir(directory.path);
    await directory.put("a.json", networkManifest(blue("1")));
    await pods.get(web, noHurry);
    await expect.poll(configOfBlue(networks), soon).toBe("1");
    await directory.put("a.json", networkManifest(blue("2")));
    await expect.poll(configOfBlue(networks), soon).toBe("2");
  });

  it("and leaves alone what comes from other files", async () => {
    await directory.put("a.json", networkManifest(blue("1")));
    const { pods, networks } = await directory.open();
    const known = networks.get(shop, "blue");
    await directory.put("b.json", podManifest(web));
    await pods.get(web, noHurry);
    expect(networks.get(shop, "blue")).toBe(known);
  });

  it("not any more once closed, even if it was about to be read again", async () => {
    const { pods, networks, close } = await directory.open();
    const waiting = pods.get(web, noHurry);
    close();
    await waiting;
    const watching = await directory.open();
    await directory.put("a.json", networkManifest(blue("1")));
    await expect.poll(configOfBlue(watching.networks), soon).toBe("1");
    expect(configOfBlue(networks)()).toBeUndefined();
  });
});

it("no timer is left once closed", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { pods, close } = await directory.open();
  const waiting = pods.get(web, noHurry);
  close();
  await waiting;
  expect(vi.getTimerCount()).toBe(0);
});

describe("what was known stays", () => {
  it("when a file makes no sense any more, which is reported once for each change", async () => {
    await directory.put("a.json", networkManifest(blue("1")));
    await directory.put("b.json", networkManifest({ ...blue("1"), name: "other" }));
    const { networks, problems } = await directory.open();
    await directory.put("a.json", "{");
    await expect.poll(() => problems.length, soon).toBe(1);
    await directory.put("b.json", networkManifest({ ...blue("2"), name: "other" }));
    await expect.poll(() => networks.get(shop, "other")?.config, soon).toBe("2");
    expect(problems).toHaveLength(1);
    await directory.put("a.json", "{ ");
    await expect.poll(() => problems.length, soon).toBe(2);
    expect(configOfBlue(networks)()).toBe("1");
    await directory.put("a.json", networkManifest(blue("3")));
    await expect.poll(configOfBlue(networks), soon).toBe("3");
    expect(problems).toHaveLength(2);
  });

  it("while the directory is gone, which is reported once; then it is read again", async () => {
    await directory.put("a.json", networkManifest(blue("1")));
    const { networks, problems } = await directory.open({ rereadMs: 5 });
    await rm(directory.path, { recursive: true });
    await expect.poll(() => problems.at(-1), soon).toMatch(/^cannot read the manifest directory .*: ENOENT$/);
    await mkdir(directory.path);
    await directory.put("a.json", networkManifest(blue("2")));
    await expect.poll(configOfBlue(networks), soon).toBe("2");
    expect(problems.filter((problem) => problem.includes("directory"))).toHaveLength(1);
  });
});

describe("one object in two files", () => {
  it("is what the file that sorts last says, and is reported", async () => {
    await directory.put("2.json", networkManifest(blue("2")));
    await directory.put("1.json", networkManifest(blue("1")));
    const { networks, problems } = await directory.open();
    expect(configOfBlue(networks)()).toBe("2");
    expect(problems).toEqual([
      "NetworkAttachmentDefinition shop/blue is in manifest 1.json and again in 2.json: the latter counts",
    ]);
  });

  it("is reported once", async () => {
    await directory.put("1.json", podManifest(web));
    await directory.put("2.json", podManifest(web));
    const { networks, problems } = await directory.open();
    await directory.put("3.json", networkManifest(blue("1")));
    await expect.poll(configOfBlue(networks), soon).toBe("1");
    expect(problems).toEqual(["Pod shop/web is in manifest 1.json and again in 2.json: the latter counts"]);
  });

  it("may be a pod and a network of one name", async () => {
    await directory.put("1.json", podManifest(web));
    await directory.put("2.json", networkManifest({ namespace: shop, name: "web", config: "" }));
    expect((await directory.open()).problems).toEqual([]);
  });
});

describe("a pod that is not known yet", () => {
  it("is found in a manifest written just before, however late the news of it", async () => {
    const { pods } = await directory.open({ settleMs: NEVER });
    await directory.put("a.json", podManifest(web));
    expect(await pods.get(web, noHurry)).toEqual(web);
  });

  it("is waited for by all who ask", async () => {
    const { pods } = await directory.open();
    const waiting = [pods.get(web, noHurry), pods.get(web, noHurry)];
    await directory.put("a.json", podManifest(web));
    expect(await Promise.all(waiting)).toEqual([web, web]);
  });

  it("is not waited for once closed, nor by those who wait already", async () => {
    const { pods, close } = await directory.open();
    const waiting = pods.get(web, noHurry);
    close();
    expect([await waiting, await pods.get(web, noHurry)]).toEqual([undefined, undefined]);
  });
});
