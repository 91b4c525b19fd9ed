#!/bin/sh
# A stand-in for two sriov plugins that no registry has: TKE's (its Go module is not served) and the
# newer versions of sriov-cni (only 2.1.0 is served). It reads their conf keys, and does with a real
# card what they do, with their rules for DEL:
#
#   "if0" or "pfNetdevices", "if0name", "vlan", "l2enable"   TKE's: takes the first free function, keeps a note that DEL reads once and needs,
#                                                            and resets the VLAN only after it took the function out of the namespace
#   "deviceID", "vlan", "trust", "spoofchk"                  sriov-cni's: resets the function when it is told a namespace, there or not, and
#                                                            does nothing when it is told none
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
notes=/var/lib/cni/sriov
conf=$(cat)
# One jq for all keys: an emulated processor takes its time for each process.
eval "$(printf '%s' "$conf" | jq -r '@sh "
  version=\(.cniVersion // "") ipam_type=\(.ipam.type // "") device=\(.deviceID // "") vlan=\(.vlan // "") trust=\(.trust // "")
  spoofchk=\(.spoofchk // "") l2enable=\(.l2enable // false) cards=\([.if0 // empty, .pfNetdevices[]?] | join(" ")) ifname=\(.if0name // "")"')"
refuse() {
  jq -n --arg version "$version" --arg msg "$*" '{cniVersion: $version, code: 999, msg: $msg}'
  exit 1
}
in_pod() { nsenter --net="$CNI_NETNS" -- "$@"; }
ipam() {
  [ -n "$ipam_type" ] || return 0
  # CNI_PATH is a list with colons.
  (IFS=:; for directory in $CNI_PATH; do [ ! -x "$directory/$ipam_type" ] || { printf '%s' "$conf" | "$directory/$ipam_type"; exit; }; done; exit 1)
}

# Sets card, function and its interface, if that is on the host.
interface_of() { ls "/sys/class/net/$card/device/virtfn$1/net" 2>/dev/null || :; }
find_function() {
  if [ -n "$device" ]; then
    card=$(ls "/sys/bus/pci/devices/$device/physfn/net")
    for link in "/sys/class/net/$card/device"/virtfn*; do
      [ "$(basename "$(readlink "$link")")" != "$device" ] || function=${link##*virtfn}
    done
    interface=$(interface_of "$function")
    return
  fi
  for card in $cards; do
    function=0
    while [ -e "/sys/class/net/$card/device/virtfn$function" ]; do
      interface=$(interface_of $function)
      [ -z "$interface" ] || return 0
      function=$((function + 1))
    done
  done
}

add() {
  find_function
  [ -n "${interface:-}" ] || refuse "no virtual network resources available for ${card:-a card that the conf does not name}"
  [ -z "$vlan" ] || ip link set "$card" vf "$function" vlan "$vlan"
  [ -z "$trust" ] || ip link set "$card" vf "$function" trust "$trust"
  [ -z "$spoofchk" ] || ip link set "$card" vf "$function" spoofchk "$spoofchk"
  mac=$(cat "/sys/class/net/$interface/address")
  ip link set "$interface" netns "$CNI_NETNS" || refuse "failed to move vf $function to netns"
  in_pod ip link set "$interface" down
  in_pod ip link set "$interface" name "$ifname" || refuse "failed to rename vf $function to $ifname"
  in_pod ip link set "$ifname" up
  mkdir -p "$notes"
  echo "$card $function $interface" >"$notes/$CNI_CONTAINERID-$ifname"
  addresses='{}'
  if [ "$l2enable" != true ]; then
    addresses=$(ipam) || refuse "ipam: $addresses"
    [ -n "$addresses" ] || addresses='{}'
    # Of two default routes the first counts.
    printf '%s' "$addresses" | jq -r --arg ifname "$ifname" '(.ips[0].gateway // "") as $gateway |
      (.ips[]? | "address add \(.address) dev \($ifname)"), (.routes[]? | "route add \(.dst) via \($gateway) dev \($ifname)")' |
      in_pod ip -force -batch - 2>/dev/null || :
  fi
  printf '%s' "$addresses" | jq --arg version "$version" --arg name "$ifname" --arg sandbox "$CNI_NETNS" \
    --arg mac "$mac" \
    '. + {cniVersion: $version, interfaces: [{name: $name, mac: $mac, sandbox: $sandbox}]} | if .ips then .ips |= map(. + {interface: 0}) else . end'
}

take_back() {
  in_pod ip link set "$ifname" down || refuse "failed to lookup vf device $ifname"
  in_pod ip link set "$ifname" name "$interface"
  in_pod ip link set "$interface" netns 1
}

del_by_tke() {
  ipam || refuse "ipam"
  [ -n "${CNI_NETNS:-}" ] || exit 0
  [ -e "$CNI_NETNS" ] || refuse "failed to open netns $CNI_NETNS: no such file or directory"
  [ -f "$note" ] || refuse "failed to read container data in the path($note)"
  read -r card function interface <"$note"
  rm "$note"
  take_back
  [ -z "$vlan" ] || ip link set "$card" vf "$function" vlan 0
}

del_by_sriov_cni() {
  [ -f "$note" ] || exit 0
  ipam || refuse "ipam"
  if [ -n "${CNI_NETNS:-}" ]; then
    read -r card function interface <"$note"
    ip link set "$card" vf "$function" vlan 0 trust off spoofchk on
    [ ! -e "$CNI_NETNS" ] || take_back
  fi
  rm "$note"
}

[ -n "$ifname" ] || ifname=$CNI_IFNAME
note=$notes/$CNI_CONTAINERID-$ifname
case $CNI_COMMAND in
  ADD) add ;;
  DEL) if [ -n "$device" ]; then del_by_sriov_cni; else del_by_tke; fi ;;
  CHECK) ;;
  VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]}' ;;
esac
