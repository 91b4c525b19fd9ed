import { expect, it } from "vitest";
import { becomeOnlyDaemon } from "../../../daemon/adapters/single-daemon/single-daemon.ts";

const stateDir = `/var/lib/plexus-${process.pid}`;

it("the second waits until the first lets go", async () => {
  const first = await becomeOnlyDaemon(stateDir, 0);
  const order: string[] = [];
  const second = becomeOnlyDaemon(stateDir, 10_000).then((only) => {
    order.push("second begins");
    return only;
  });
  await expect(becomeOnlyDaemon(stateDir, 0)).rejects.toMatchObject({ code: 11 });
  order.push("first ends");
  await first.release();
  await (await second).release();
  expect(order).toEqual(["first ends", "second begins"]);
});

it("daemons with other state do not mind each other", async () => {
  const [one, other] = await Promise.all([becomeOnlyDaemon(`${stateDir}/a`, 0), becomeOnlyDaemon(`${stateDir}/b`, 0)]);
  await Promise.all([one.release(), other.release()]);
});
