# To be sourced. An apt with configuration and state of its own, all of it in one directory, that uses the Debian mirror of this machine
# but neither touches its packages nor minds its releases.

# The address of the Debian mirror that this machine uses already.
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1
}

# apt_beside DIRECTORY LINE...   where a line is "deb bullseye" or "deb-src bookworm". Sets APT_CONFIG: from then on apt-get is that one.
apt_beside() {
  mirror=$(debian_mirror)
  # A machine that never fetched its lists does not tell.
  [ -n "$mirror" ] || { apt-get -qq -o DPkg::Lock::Timeout=120 update </dev/null >/dev/null && mirror=$(debian_mirror); }
  [ -n "$mirror" ] || unobtainable "apt knows no Debian mirror"
  apt=$1
  shift
  rm -rf "$apt"
  mkdir -p "$apt/none" "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  for line in "$@"; do
    echo "${line% *} [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror ${line#* } main"
  done >"$apt/sources.list"
  cat >"$apt/apt.conf" <<END
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/none";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$apt/none";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
END
  export APT_CONFIG="$apt/apt.conf"
  get update
}

# Whoever calls this asks for packages by "get download NAME..." or the like. What cannot be fetched ends the script with status 77.
get() {
  apt-get -qq "$@" </dev/null >/dev/null || unobtainable "apt-get $* failed (is the Debian mirror within reach?)"
}

unobtainable() {
  echo "cluster: $*" >&2
  exit 77
}
