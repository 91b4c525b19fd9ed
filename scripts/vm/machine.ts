import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Job {
  /** Where scripts/vm/prepare.sh put what the machine consists of. */
  readonly cache: string;
  /** Given to the guest as /job, for the script and what comes back. */
  readonly directory: string;
  /**
   * What the guest runs with a POSIX shell. It sees this machine's files; what it writes outside of
   * /job is gone with it.
   */
  readonly script: string;
  readonly deadlineMs: number;
  /** Ends the machine. */
  readonly signal: AbortSignal;
  /** Told what the script prints, while it runs. */
  readonly onOutput: (text: string) => void;
}

/**
 * Boots a virtual machine with Intel's igb, which has SR-IOV, and runs the script in it. Resolves
 * with the script's exit status.
 */
export async function runInVirtualMachine(job: Job): Promise<number> {
  const { cache, directory, deadlineMs, signal } = job;
  await copyFile(join(import.meta.dirname, "boot.sh"), join(directory, "boot"));
  await copyFile(join(cache, "kernel/busybox"), join(directory, "busybox"));
  await writeFile(join(directory, "script"), job.script);
  await writeFile(join(directory, "output"), "");
  const [program = "", ...args] = command(cache, directory);
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], timeout: deadlineMs });
  const end = (): void => void child.kill();
  signal.addEventListener("abort", end);
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const ended = new AbortController();
  const following = follow(join(directory, "output"), job.onOutput, ended.signal);
  await once(child, "close").finally(() => {
    signal.removeEventListener("abort", end);
    ended.abort();
  });
  await following;
  const status = await readFile(join(directory, "status"), "utf8").catch(() => undefined);
  if (status !== undefined) return Number(status);
  const console = await readFile(join(directory, "console"), "utf8").catch(() => "");
  throw new Error(
    `the virtual machine ended before its script (${String(child.exitCode ?? child.signalCode)}): ${complaint}\n${console}`,
  );
}

function command(cache: string, directory: string): readonly string[] {
  const qemu = join(cache, "qemu/usr");
  const kernel = join(cache, "kernel");
  const share = (id: string, path: string, access: string): readonly string[] => [
    ...["-fsdev", `local,id=${id},path=${path},security_model=none,multidevs=remap${access}`],
    ...["-device", `virtio-9p-pci,fsdev=${id},mount_tag=${id}`],
  ];
  return [
    // It ends with us, however we end.
    ...["setpriv", "--pdeathsig", "KILL", "nice", "-n", "15"],
    ...[join(qemu, "lib64/ld-linux-x86-64.so.2"), "--library-path", join(qemu, "lib/x86_64-linux-gnu")],
    join(qemu, "bin/qemu-system-x86_64"),
    ...["-L", join(qemu, "share/qemu"), "-L", join(qemu, "share/seabios")],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"],
    // Software emulation: a machine that is virtual itself seldom has KVM of use.
    ...["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"],
    ...["-kernel", join(kernel, "vmlinuz"), "-initrd", join(kernel, "initrd.gz")],
    ...["-append", "console=ttyS0 quiet panic=-1", "-serial", `file:${join(directory, "console")}`],
    ...share("root", "/", ",readonly=on"),
    ...share("modules", join(kernel, "lib/modules"), ",readonly=on"),
    ...share("job", directory, ""),
    ...["-device", "pcie-root-port,id=rp0,chassis=1,slot=1"],
    ...["-netdev", "hubport,id=n0,hubid=0", "-device", "igb,bus=rp0,netdev=n0,mac=52:54:00:00:01:00"],
  ];
}

/** Hands on what is appended to the file, until the signal, and then the rest. */
async function follow(path: string, onText: (text: string) => void, signal: AbortSignal): Promise<void> {
  await using file = await open(path);
  const decoder = new TextDecoder();
  const buffer = Buffer.alloc(65_536);
  for (;;) {
    const isLast = signal.aborted;
    for (;;) {
      const { bytesRead } = await file.read(buffer);
      if (bytesRead === 0) break;
      onText(decoder.decode(buffer.subarray(0, bytesRead), { stream: true }));
    }
    if (isLast) return;
    await sleep(300, undefined, { signal }).catch(() => undefined);
  }
}
