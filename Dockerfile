# The image of the DaemonSet: the daemon, its launcher, and the executable that `plexus-daemon install` copies to the node.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag localhost/plexus:0.1.0 .
#
# scripts/image/build.sh builds it without Docker and without a registry of images. Where only local base images exist, name them:
# --build-arg BUILD_IMAGE=... --build-arg NODE_IMAGE=... --build-arg RUNTIME_IMAGE=...

# Has Node and npm; compilers are installed in it.
ARG BUILD_IMAGE=node:24-bookworm
# Only its /usr/local/bin/node is taken: the daemon needs no npm, and what is not there needs no patches.
ARG NODE_IMAGE=node:24-bookworm-slim
# Same Debian as above, for Node is linked to its libstdc++.
ARG RUNTIME_IMAGE=debian:bookworm-slim

# The executable's compiler exists for amd64 only, so arm64 is always cross-compiled.
FROM --platform=linux/amd64 ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
COPY scripts/setup.sh scripts/
RUN sh scripts/setup.sh deps
COPY . .
RUN sh scripts/setup.sh build
ARG TARGETARCH=amd64
RUN if [ "$TARGETARCH" != amd64 ]; then \
      apt-get update && apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross && \
      sh shim/build.sh --arch "$TARGETARCH" --out dist/plexus && \
      sh daemon/launcher/build.sh --arch "$TARGETARCH" && mv "dist/plexus-launcher-$TARGETARCH" dist/plexus-launcher; \
    fi

FROM ${NODE_IMAGE} AS node

FROM ${RUNTIME_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends iproute2 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
WORKDIR /opt/plexus
COPY LICENSE scripts/image/healthcheck ./
COPY --from=build /src/dist/proto proto/
COPY --from=build /src/dist/plexus-daemon.d plexus-daemon.d/
COPY --from=build /src/dist/plexus /src/dist/plexus-launcher /src/dist/plexus-daemon /src/dist/*.mjs ./
RUN ["/usr/local/bin/node", "--version"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Plexus" \
      org.opencontainers.image.description="CNI meta-plugin for Kubernetes: one pod, many networks" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"

# Root, and no other user would do: plugins make interfaces, routes and firewall rules in the node's and the pods' network namespaces, and
# inherit what the daemon may; the daemon enters the node's mount namespace; and its socket is root's alone, as its callers are.
USER root
ENV NODE_ENV=production
ENTRYPOINT ["/opt/plexus/plexus-daemon"]

# For Docker and Podman. Kubernetes knows nothing of it and has the probes in deploy/. Costs a millisecond: the executable itself asks the
# daemon for the status of a network that there always is.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["/opt/plexus/healthcheck"]
