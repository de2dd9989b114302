# The binary `peng4nn-worker` with the libtorch that it is linked to.
#   docker build -f deploy/worker.Dockerfile -t peng4nn-worker .
#   docker build -f deploy/worker.Dockerfile -t peng4nn-worker:cuda --build-arg DEVICE=cuda .
ARG DEVICE=cpu

FROM rust:1.95-bookworm AS source
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .

# The lean part of libtorch, as on a developer's machine.
FROM source AS libtorch-cpu
ENV PENG4NN_CACHE=/cache
RUN cargo xtask setup --only libtorch \
    && mkdir /libtorch \
    && cp -a /cache/libtorch-*/. /libtorch/

# All of it, with what CUDA needs.
FROM source AS libtorch-cuda
RUN python3 -m pip install --no-cache-dir --break-system-packages --target /libtorch torch==2.11.0

# hadolint ignore=DL3006
FROM libtorch-${DEVICE} AS build
ENV PENG4NN_LIBTORCH=/libtorch
RUN cargo xtask setup --only libtorch \
    && cargo build --release --locked --package peng-worker

FROM debian:bookworm-slim
RUN useradd --uid 10001 --home-dir /home/peng4nn peng4nn \
    && install --directory --owner=peng4nn --group=peng4nn /home/peng4nn
# The worker looks for libtorch in ../libtorch, seen from where it lies.
COPY --from=build /libtorch /usr/local/libtorch
COPY --from=build /src/target/release/peng4nn-worker /usr/local/bin/peng4nn-worker
USER 10001
WORKDIR /home/peng4nn
ENTRYPOINT ["peng4nn-worker"]
CMD ["--help"]
