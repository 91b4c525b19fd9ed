import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { serveWithoutConf } from "../../daemon/install/serving-daemon.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

/** A daemon that prints its settings and then, unless they are to keep it from that, that it is ready. */
const DAEMON = `#!/bin/sh
cat "$2"; echo
grep -qi '"loglevel":"\\(warn\\|error\\)"' "$2" || echo '{"msg":"ready"}'
exec sleep 60
`;

describe("a daemon in whose place uninstall serves", () => {
  it.each([
    { why: "writes no conf", config: '{"multusConfigFile":"auto","probePort":8086}', has: { probePort: 8086 } },
    {
      why: "says when it is ready, however little it is to say",
      config: '{"LogLevel":"error","logLevel":"warn"}',
      has: {},
    },
  ])("$why", async ({ config, has }) => {
    const program = join(await temporaryDirectory(), "daemon");
    await writeFile(program, DAEMON, { mode: 0o755 });
    const said: string[] = [];
    const daemon = await serveWithoutConf(program, config, (line) => said.push(line), AbortSignal.timeout(4_000));
    await daemon.stop();
    expect(JSON.parse(said[0] ?? "")).toEqual({ ...has, logLevel: "info" });
  });

  it("is ended when nobody waits for it any more, however early that is", async () => {
    const program = join(await temporaryDirectory(), "daemon");
    await writeFile(program, "#!/bin/sh\nexec sleep 60\n", { mode: 0o755 });
    const stopping = AbortSignal.abort(new Error("told to stop"));
    await expect(serveWithoutConf(program, "{}", () => undefined, stopping)).rejects.toThrow("told to stop");
  });

  it("is given up when it ends before it is ready", async () => {
    const serving = serveWithoutConf("/bin/false", "{}", () => undefined, AbortSignal.timeout(4_000));
    await expect(serving).rejects.toThrow("ended by itself with 1");
  });
});
