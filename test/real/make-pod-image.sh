#!/bin/sh
# Puts into the directory $1 image.tar, an archive that a runtime can import: busybox in one layer, both for pods (localhost/busybox:1) and
# for their sandboxes (localhost/pause:1). A container of it does nothing until it is told to end.
set -eu
cd "$1"
mkdir -p layer/bin layer/dev layer/proc layer/sys layer/tmp
cp "$(dirname "$1")/debian/bin/busybox" layer/bin/
for applet in $(layer/bin/busybox --list); do [ "$applet" = busybox ] || ln -s busybox "layer/bin/$applet"; done
tar --create --sort=name --owner=0 --group=0 --numeric-owner --file layer.tar --directory layer bin dev proc sys tmp
cat >config.json <<EOF
{
  "architecture": "$(dpkg --print-architecture)",
  "os": "linux",
  "config": { "Env": ["PATH=/bin"], "Entrypoint": ["/bin/sh", "-c", "trap 'exit 0' TERM INT; sleep 2147483647 & wait"] },
  "rootfs": { "type": "layers", "diff_ids": ["sha256:$(sha256sum <layer.tar | cut -d ' ' -f 1)"] }
}
EOF
echo '[{ "Config": "config.json", "RepoTags": ["localhost/pause:1", "localhost/busybox:1"], "Layers": ["layer.tar"] }]' >manifest.json
tar --create --file image.tar manifest.json config.json layer.tar
rm -r layer layer.tar config.json manifest.json
