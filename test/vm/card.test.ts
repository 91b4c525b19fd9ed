/** The emulated card itself: what the other tests presuppose. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../node/host.ts";
import { type Card, makeCard, PLAIN } from "./card.ts";
import { makeGuest } from "./guest.ts";

describe("the emulated card", () => {
  let guest: Host;
  let card: Card;

  beforeAll(async () => {
    guest = await makeGuest();
    card = await makeCard(guest);
  });

  it("has seven virtual functions, without VLAN and trust and with spoof check", async () => {
    expect(await card.settings()).toEqual(Array.from({ length: 7 }, () => PLAIN));
    expect(await card.onHost()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("shows the settings of one of them, and that its interface is away", async () => {
    await guest.sh(`ip netns add away && ip link set enp2s0v3 netns away
      ip link set ${card.name} vf 3 vlan 210 trust on spoofchk off`);
    expect((await card.settings())[3]).toEqual({ vlan: 210, trust: true, spoofCheck: false });
    expect(await card.onHost()).toEqual([0, 1, 2, 4, 5, 6]);
  });

  it("gets the interface back when the namespace is gone, and keeps the settings", async () => {
    await guest.sh("ip netns delete away");
    await card.untilWhole();
    expect((await card.settings())[3]).toEqual({ vlan: 210, trust: true, spoofCheck: false });
    await guest.sh(`ip link set ${card.name} vf 3 vlan 0 trust off spoofchk on`);
  });
});
