#!/usr/bin/env bats
# gs:// on fake-gcs-server: generations, preconditions and chunked sessions by somebody else's hand.
# (It does not look at the preconditions of sessions: those have the scripted server only.)
load ../e2e/common
setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    "$ATLAS_ROOT/tests/servers/fake-gcs" install && "$ATLAS_ROOT/tests/servers/gcs" install
    export PEER_PORT=$(free_port)
    "$ATLAS_ROOT/tests/servers/fake-gcs" start "$BATS_FILE_TMPDIR" "$PEER_PORT"
    export STORAGE_EMULATOR_HOST=http://127.0.0.1:$PEER_PORT
    "$ATLAS_ROOT/tests/servers/gcs" client bucket lab
}
teardown_file() { . "$ATLAS_ROOT/tests/servers/lib.sh"; "$ATLAS_ROOT/tests/servers/fake-gcs" stop "$BATS_FILE_TMPDIR"; }
setup() { common_setup; }
teardown() { common_teardown; }

CONTRACT=$ATLAS_BUILD/tests/contract/test_store
client() { "$ATLAS_ROOT/tests/servers/gcs" client "$@"; }

@test "contract: preconditions, sessions in chunks" {
    ATLAS_TEST_STORES=gs://lab/contract "$CONTRACT"
}

@test "a 256 MiB artifact with a peak memory under 64 MiB" {
    ATLAS_TEST_BIG=1 ATLAS_TEST_STORES=gs://lab/big "$CONTRACT"
}

@test "a missing bucket is no missing object" {
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 ATLAS_TEST_ONLY=listing ATLAS_TEST_STORES=gs://nope run "$CONTRACT"
    [ "$status" -ne 0 ]; has "$output" "l/b: POST 127.0.0.1:$PEER_PORT: HTTP 404 Not Found"
    unset ATLAS_TOKEN; migrations 1; project url=gs://nope file://b1
    run atlas migrate push --env ci; [ "$status" -eq 0 ]
    run atlas migrate apply --env prod; [ "$status" -eq 0 ]; has "$output" "file://b1 serves"
}

@test "push, apply, verify; eight pushes at once leave one truth" {
    migrations 2; unset ATLAS_TOKEN; project gs://lab/race
    local i pids=()
    for i in $(seq 8); do atlas migrate push app:race --env ci > push.$i 2>&1 & pids+=($!); done
    for i in "${pids[@]}"; do wait "$i"; done
    atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2"
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
}

@test "Google's client and we read each other's objects" {
    migrations 1; unset ATLAS_TOKEN; project gs://lab/ours; atlas migrate push --env ci
    local key blob; blob=$(client list lab ours/app/blobs/)
    equal "$(client get lab "$blob" | sha256sum | cut -d' ' -f1)" "${blob##*/}"
    run curl -sf -D - -o /dev/null "$STORAGE_EMULATOR_HOST/storage/v1/b/lab/o/ours%2Fapp%2Frefs%2Ftags%2Flatest?alt=media"
    has "$output" "Cache-Control: no-store"
    for key in $(client list lab ours/); do
        client get lab "$key" > object; client put lab "theirs/${key#ours/}" object
    done
    project gs://lab/theirs; atlas migrate apply --env prod; equal "$(tables app.db)" t1
}
