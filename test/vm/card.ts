import type { Host } from "../node/host.ts";
import { until } from "../cluster/until.ts";

/** What the card applies to one virtual function, whoever has its interface. */
export interface FunctionSettings {
  /** The port VLAN; 0 for none. */
  readonly vlan: number;
  readonly trust: boolean;
  readonly spoofCheck: boolean;
}

export interface Card {
  /** The physical function's interface. */
  readonly name: string;
  /** PCI addresses of its virtual functions, by number. */
  readonly functions: readonly string[];
  settings(): Promise<readonly FunctionSettings[]>;
  /** Numbers of the virtual functions whose interface is on the host. */
  onHost(): Promise<readonly number[]>;
  /**
   * Waits until all interfaces are on the host. The kernel gives them back some time after a
   * namespace is gone.
   */
  untilWhole(): Promise<void>;
}

/** What a virtual function's settings are before a plugin changes them. */
export const PLAIN: FunctionSettings = { vlan: 0, trust: false, spoofCheck: true };

const CARD = "enp2s0";
const PCI = "0000:01:00.0";
const FUNCTIONS = 7;

/**
 * Loads the drivers, names the card as udev would, and makes its virtual functions. 8021q comes
 * before them: the driver of the virtual functions takes a port VLAN only then. A virtual function
 * gets its name when the driver has made its interface.
 */
const MAKE_FUNCTIONS = `
modprobe -a 8021q igbvf igb
until [ -d /sys/bus/pci/devices/${PCI}/net ]; do sleep 0.1; done
if [ ! -d /sys/class/net/${CARD} ]; then
  ip link set "$(ls /sys/bus/pci/devices/${PCI}/net)" name ${CARD}
  ip link set ${CARD} up
  echo ${FUNCTIONS} >/sys/class/net/${CARD}/device/sriov_numvfs
fi
for number in $(seq 0 ${FUNCTIONS - 1}); do
  net=/sys/class/net/${CARD}/device/virtfn$number/net
  until [ -n "$(ls $net 2>/dev/null)" ]; do sleep 0.1; done
  interface=$(ls $net)
  [ "$interface" = ${CARD}v$number ] || { ip link set $interface down; ip link set $interface name ${CARD}v$number; }
  ip link set ${CARD} vf $number vlan 0 trust off spoofchk on
done`;

interface LinkWithFunctions {
  readonly vfinfo_list: readonly {
    readonly vlan_list?: readonly { readonly vlan?: number }[];
    readonly trust: boolean;
    readonly spoofchk: boolean;
  }[];
}

export async function makeCard(host: Host): Promise<Card> {
  await host.sh(`set -e; ${MAKE_FUNCTIONS}`);
  const listing = await host.sh(`for n in $(seq 0 ${FUNCTIONS - 1}); do
    basename "$(readlink /sys/class/net/${CARD}/device/virtfn$n)"; done`);
  const card: Card = {
    name: CARD,
    functions: listing.trim().split("\n"),
    async settings() {
      const [link] = JSON.parse(await host.sh(`ip -json -details link show ${CARD}`)) as LinkWithFunctions[];
      return (link?.vfinfo_list ?? []).map(({ vlan_list, trust, spoofchk }) => ({
        vlan: vlan_list?.[0]?.vlan ?? 0,
        trust,
        spoofCheck: spoofchk,
      }));
    },
    async onHost() {
      const numbers = await host.sh(`for n in $(seq 0 ${FUNCTIONS - 1}); do
        [ -z "$(ls /sys/class/net/${CARD}/device/virtfn$n/net)" ] || echo $n; done`);
      return numbers.split("\n").filter(Boolean).map(Number);
    },
    async untilWhole() {
      await until("all virtual functions on the host", async () =>
        (await card.onHost()).length === FUNCTIONS ? true : undefined,
      );
    },
  };
  return card;
}
