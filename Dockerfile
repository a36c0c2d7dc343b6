# onsale in a container: the pages, then the program with the pages in it, then nothing but the program.
# docker build -t onsale .

FROM node:20.19-bookworm-slim AS pages
WORKDIR /pages
# What the packages are changes less often than the pages: this layer is kept.
COPY package.json package-lock.json ./
COPY web/package.json web/
COPY e2e/package.json e2e/
RUN npm ci --workspace web --no-audit --no-fund
COPY web web
RUN npm run build

FROM rust:1.95-slim-bookworm AS program
# SQLite, ring and the allocator are C.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /onsale
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY xtask xtask
COPY --from=pages /pages/web/dist web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/onsale/target \
    cargo build --release --locked --package onsale-server \
    && install -D target/release/onsale /out/bin/onsale \
    && install -d -m 0700 /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=program /out/bin/onsale /usr/local/bin/onsale
COPY --from=program --chown=nonroot:nonroot /out/data /var/lib/onsale
ENV ONSALE_LISTEN=0.0.0.0:8080 ONSALE_DATA_DIR=/var/lib/onsale
USER nonroot
WORKDIR /var/lib/onsale
VOLUME /var/lib/onsale
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/onsale", "check-health"]
ENTRYPOINT ["/usr/local/bin/onsale"]
CMD ["serve"]
