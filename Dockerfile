# A container that records guests and serves what was made of them: the released file, QEMU, and a C compiler for the plugin.
#
#   .ci/release && docker build -t replay .
#   docker run --rm -v "$PWD:/work" replay demo
#   docker run --rm -v "$PWD:/work" replay record qemu -o boot.capture --filter 1024 -- -M pc -m 256 -kernel vmlinuz ...
#   docker run --rm -p 127.0.0.1:7171:7171 -v "$PWD:/work" replay serve demo.db --listen 0.0.0.0 --host localhost
#
# docs/container.md has more. BASE: any image of Debian 13 or later (--build-arg BASE=NAME).
ARG BASE=debian:trixie-slim
FROM $BASE

RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev qemu-system-x86 \
    && rm -rf /var/lib/apt/lists/*

# Where the file unpacks itself, once, here: whoever it runs as reads that, and needs no place of its own for it.
ENV DOTNET_BUNDLE_EXTRACT_BASE_DIR=/opt/replay/unpacked
COPY artifacts/release/replay-*-linux-*.tar.gz /tmp/release/
RUN case "$(uname -m)" in \
        x86_64) platform=linux-x64 ;; \
        aarch64) platform=linux-arm64 ;; \
        *) echo "no file for $(uname -m) is released" >&2; exit 1 ;; \
    esac \
    && mkdir -p /opt/replay /work \
    && tar -xzf /tmp/release/replay-*-"$platform".tar.gz -C /opt/replay \
    && ln -s /opt/replay/replay /usr/local/bin/replay \
    && rm -rf /tmp/release \
    && replay --version \
    && chmod -R a+rX /opt/replay \
    && useradd --create-home --uid 1000 replay \
    && chown replay: /work

# Where the plugin is compiled to: by whoever it runs as.
ENV XDG_CACHE_HOME=/tmp/replay-cache
USER replay
WORKDIR /work
EXPOSE 7171
ENTRYPOINT ["replay"]
CMD ["--help"]
