# The binary `peng4nn`: prediction server and search orchestrator. No Python, no libtorch.
#   docker build -f deploy/server.Dockerfile -t peng4nn .
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package peng4nn

FROM debian:bookworm-slim
RUN useradd --uid 10001 --home-dir /data peng4nn \
    && install --directory --owner=peng4nn --group=peng4nn /data
COPY --from=build /src/target/release/peng4nn /usr/local/bin/peng4nn
USER 10001
WORKDIR /data
VOLUME /data
# Prediction server, orchestrator.
EXPOSE 50051 50052
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["peng4nn", "health"]
ENTRYPOINT ["peng4nn"]
# To be reached from outside the container; publish the port where TLS and tokens are
# not needed, or give `--tls-certificate`, `--tls-key` and `--tokens` instead.
CMD ["serve", "--listen", "0.0.0.0:50051", "--data", "/data", \
    "--insecure-listen-without-tls-and-authentication"]
