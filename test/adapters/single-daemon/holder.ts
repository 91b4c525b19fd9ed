/** A process that becomes the only daemon of the state directory it is given, says so, and stays until it is ended. */
import { becomeOnlyDaemon } from "../../../daemon/adapters/single-daemon/single-daemon.ts";

const [stateDir = "", launcher = ""] = process.argv.slice(2);
await becomeOnlyDaemon(stateDir, 0, launcher);
process.stdout.write("held\n");
setInterval(() => undefined, 60_000);
