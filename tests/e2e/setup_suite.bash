# Servers that the whole suite shares: two S3 servers, each strict in its own way. Started once, on
# free ports, stopped by pid. A server that cannot be had fails the suite; nothing is skipped.
setup_suite() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    export SUITE_DIR=$(mktemp -d /tmp/atlas-e2e-XXXXXX)
    chmod 755 "$SUITE_DIR"
    local s p
    for s in swift rgw; do
        "$ATLAS_ROOT/tests/servers/$s" install || { echo "cannot install $s" >&3; return 1; }
        p=$(free_port); mkdir -p "$SUITE_DIR/$s"
        "$ATLAS_ROOT/tests/servers/$s" start "$SUITE_DIR/$s" "$p" || { echo "cannot start $s" >&3; return 1; }
        export "${s^^}_URL=http://127.0.0.1:$p"
    done
    export SWIFT_KEY=test:tester SWIFT_SECRET=testing RGW_KEY=LABACCESSKEY RGW_SECRET=labsecretkey
    AWS_ACCESS_KEY_ID=$SWIFT_KEY AWS_SECRET_ACCESS_KEY=$SWIFT_SECRET "$ATLAS_ROOT/tests/support/s3" PUT "$SWIFT_URL/lab"
    AWS_ACCESS_KEY_ID=$RGW_KEY AWS_SECRET_ACCESS_KEY=$RGW_SECRET "$ATLAS_ROOT/tests/support/s3" PUT "$RGW_URL/lab"
    # The gateway makes its pools with the first object: that may take long, so it is not a test's.
    echo warm > "$SUITE_DIR/warm"
    AWS_ACCESS_KEY_ID=$RGW_KEY AWS_SECRET_ACCESS_KEY=$RGW_SECRET "$ATLAS_ROOT/tests/support/s3" PUT "$RGW_URL/lab/warm" "$SUITE_DIR/warm"
    AWS_ACCESS_KEY_ID=$SWIFT_KEY AWS_SECRET_ACCESS_KEY=$SWIFT_SECRET "$ATLAS_ROOT/tests/support/s3" PUT "$SWIFT_URL/lab/warm" "$SUITE_DIR/warm"
}

teardown_suite() {
    local s
    for s in swift rgw; do "$ATLAS_ROOT/tests/servers/$s" stop "$SUITE_DIR/$s"; done
    rm -rf "$SUITE_DIR"
}
