#!/bin/sh
# Stands in /opt/cni/bin for the plugin it is named after, whose real self is in /opt/cni/real. Writes down when it starts and
# ends, and at the step that /run/crash/plan names it kills the daemon or its launcher, whichever is to die.
name=${0##*/}

at() {
  step="$1 $CNI_COMMAND $name $CNI_IFNAME"
  echo "$step" >>/run/crash/steps
  { read -r killed && read -r planned; } 2>/dev/null </run/crash/plan || return 0
  [ "$step" = "$planned" ] || return 0
  # Plugins of plugins have the launcher further up.
  launcher=$$ comm=
  until [ "$comm" = "(plexus-launcher)" ]; do
    read -r _ _ _ launcher _ </proc/"$launcher"/stat
    read -r _ comm _ daemon _ </proc/"$launcher"/stat
  done
  echo $$ >/run/crash/survivor
  rm /run/crash/plan
  case $killed in
    daemon) kill -9 "$daemon" ;;
    launcher) kill -9 "$launcher" ;;
  esac
  # Whoever lives on does not go on: it has to be ended.
  exec sleep 600
}

at before
answer=$("/opt/cni/real/$name")
status=$?
at after
printf '%s' "$answer"
exit $status
