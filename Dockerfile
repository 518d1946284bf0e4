# The program in an image of its own: no shell, no package manager, not root.
#
#   docker build -t dibs .
#   docker run --rm -p 127.0.0.1:7070:7070 -v dibs:/var/lib/dibs dibs
#
# The same sources give the same program: the toolchain is named here and in rust-toolchain.toml, the crates in Cargo.lock.
# For images that are the same to the bit, give BASE and RUST as name@sha256:… .
ARG RUST=rust:1.95.0-slim-bookworm
ARG BASE=debian:bookworm-slim

FROM ${RUST} AS build
# A C compiler is there (SQLite, cryptography); the allocator needs make, too.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# The image's toolchain is the one of rust-toolchain.toml: nothing else is fetched for it. Names of functions stay in the
# program, for traces; line tables, three quarters of its size, do not.
ENV RUSTUP_TOOLCHAIN=1.95.0 CARGO_PROFILE_RELEASE_STRIP=debuginfo
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked -p dibs \
    && cp target/release/dibs /usr/local/bin/dibs

# What the program needs to run, and nothing else, as a folder.
FROM ${BASE} AS files
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/dibs /usr/local/bin/dibs
COPY deploy/image-files /usr/local/bin/image-files
RUN /usr/local/bin/image-files /usr/local/bin/dibs /image

FROM scratch
COPY --from=files /image /
USER 65532:65532
ENV DIBS_LISTEN=0.0.0.0:7070 DIBS_DATA=/var/lib/dibs DIBS_LOG_FORMAT=json
VOLUME /var/lib/dibs
EXPOSE 7070
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["/usr/local/bin/dibs", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/dibs"]
CMD ["serve"]
