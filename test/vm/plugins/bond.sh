#!/bin/sh
# A stand-in for bond-cni, whose Go module is not served: makes a bond of interfaces that are in the
# pod already.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
conf=$(cat)
eval "$(printf '%s' "$conf" | jq -r '@sh "
  version=\(.cniVersion // "") ipam_type=\(.ipam.type // "") mode=\(.mode) fail_over_mac=\(.failOverMac // 0) miimon=\(.miimon)
  links=\([.links[].name] | join(" "))"')"
refuse() {
  jq -n --arg version "$version" --arg msg "$*" '{cniVersion: $version, code: 999, msg: $msg}'
  exit 1
}
in_pod() { nsenter --net="$CNI_NETNS" -- "$@"; }
ipam() { printf '%s' "$conf" | "${CNI_PATH%%:*}/$ipam_type"; }

case $CNI_COMMAND in
  ADD)
    in_pod ip link add "$CNI_IFNAME" type bond mode "$mode" miimon "$miimon" fail_over_mac "$fail_over_mac" || refuse "no bond"
    for link in $links; do
      in_pod ip link set "$link" down || refuse "no $link"
      in_pod ip link set "$link" master "$CNI_IFNAME" || refuse "$link does not become a leg"
    done
    in_pod ip link set "$CNI_IFNAME" up
    result=$(ipam) || refuse "ipam: $result"
    for address in $(printf '%s' "$result" | jq -r '.ips[].address'); do in_pod ip address add "$address" dev "$CNI_IFNAME"; done
    printf '%s' "$result" | jq --arg name "$CNI_IFNAME" --arg sandbox "$CNI_NETNS" \
      '. + {interfaces: [{name: $name, sandbox: $sandbox}]} | .ips |= map(. + {interface: 0})'
    ;;
  DEL)
    ipam || refuse "ipam"
    [ -n "${CNI_NETNS:-}" ] && [ -e "$CNI_NETNS" ] || exit 0
    for link in $links; do
      in_pod ip link set "$link" nomaster || refuse "the leg $link is gone before its bond"
    done
    in_pod ip link delete "$CNI_IFNAME"
    ;;
  CHECK) ;;
  VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["0.3.1", "0.4.0", "1.0.0"]}' ;;
esac
