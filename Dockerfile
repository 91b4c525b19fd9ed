# The image of the DaemonSet: the daemon, and beside it the plugin executable that its first container copies to the host.
# Every step but the base images is a script of the repository, run by the tests as well; that the image itself builds and
# runs, on amd64 and arm64, is proven only where there is a container builder.
ARG BUILD_IMAGE=node:24-bookworm
ARG RUNTIME_IMAGE=node:24-bookworm-slim

# The compiler of the plugin executable exists for amd64 only, so arm64 is always cross-compiled.
FROM --platform=linux/amd64 ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
COPY scripts/setup.sh scripts/
RUN sh scripts/setup.sh deps
COPY . .
RUN sh scripts/setup.sh build
ARG TARGETARCH=amd64
RUN if [ "$TARGETARCH" = arm64 ]; then \
      apt-get update && apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross && \
      sh shim/build.sh --arch arm64 && mv dist/plexus-arm64 dist/plexus && \
      sh daemon/launcher/build.sh --arch arm64 && mv dist/plexus-launcher-arm64 dist/plexus-launcher; \
    fi

FROM ${RUNTIME_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends iproute2 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/plexus
COPY --from=build /src/dist/plexus /src/dist/plexus-launcher /src/dist/plexus-daemon /src/dist/plexus-daemon.mjs ./
COPY --from=build /src/dist/plexus-daemon.d plexus-daemon.d/
COPY --from=build /src/dist/proto proto/
COPY LICENSE ./
ENTRYPOINT ["/opt/plexus/plexus-daemon"]
