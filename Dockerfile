# Build: one static binary from Debian's own packages and sources. The libraries are a layer of
# their own, as they change less often than the program.
FROM docker.io/library/debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends make ca-certificates
WORKDIR /src
COPY tests/support/deps tests/support/release tests/support/
RUN tests/support/deps build && tests/support/deps release && tests/support/release libraries
COPY Makefile ./
COPY src src
COPY include include
COPY entrypoint entrypoint
ARG COMMIT=
RUN make release COMMIT=$COMMIT && mkdir -p /out/usr/local/bin /out/etc/ssl/certs /out/tmp && chmod 1777 /out/tmp \
 && cp build/release/atlas-action /out/usr/local/bin/ && ln -s atlas-action /out/usr/local/bin/atlas \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/

# For platforms that run steps in a shell inside the image (GitLab CI, CircleCI): --target shell
FROM docker.io/library/debian:bookworm-slim AS shell
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/usr/local/bin/ /usr/local/bin/

# The image: the binary, CA certificates, /tmp. Runs as any user.
FROM scratch
COPY --from=build /out/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PATH=/usr/local/bin
ENTRYPOINT ["/usr/local/bin/atlas-action"]
