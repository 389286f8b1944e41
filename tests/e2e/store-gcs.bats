#!/usr/bin/env bats
# gs:// on Google's own emulator, with Google's own npm client as the other party; and on a scripted server
# for what no other server does: broken sessions, refused tokens, busy answers, damaged bytes.
load common
setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    "$ATLAS_ROOT/tests/servers/gcs" install
    GCS_PORT=$(free_port)
    "$ATLAS_ROOT/tests/servers/gcs" start "$BATS_FILE_TMPDIR" "$GCS_PORT"
    export GCS_PORT
}
teardown_file() { . "$ATLAS_ROOT/tests/servers/lib.sh"; "$ATLAS_ROOT/tests/servers/gcs" stop "$BATS_FILE_TMPDIR"; }
setup() {
    common_setup
    export STORAGE_EMULATOR_HOST=http://127.0.0.1:$GCS_PORT
}
teardown() { common_teardown; }

CONTRACT=$ATLAS_BUILD/tests/contract/test_store
client() { "$ATLAS_ROOT/tests/servers/gcs" client "$@"; }
scripted() { : > gcp.log; rm -f gcp.port; start_tool gcp gcp-tokens "$DIR/gcp.port" "$DIR" open=1 "$@"; export STORAGE_EMULATOR_HOST=http://127.0.0.1:$PORT; }
only() { # TEST [MIB]: one test of the suite, with messages at debug level
    ATLAS_TEST_DEBUG=1 ATLAS_TEST_LARGE_MIB=${2:-1} ATLAS_TEST_ONLY=$1 ATLAS_TEST_STORES=gs://lab run "$CONTRACT"
}
good() { only "$@"; [ "$status" -eq 0 ] || { echo "$output"; return 1; }; has "$output" "PASSED  ] 1 test"; }
# A test that fails leaves its arena behind: leaks are not looked for there.
bad() { ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 only "$1" "$2"; [ "$status" -ne 0 ]; shift 2; has "$output" "$@"; }
ranges() { jq -r 'select(.range) | .range' gcp.log | tr '\n' ';'; }

@test "contract: the emulator, whose ignoring of conditions is noticed" {
    ATLAS_TEST_NO_CONDITIONS=1 ATLAS_TEST_LARGE_MIB=64 ATLAS_TEST_STORES=gs://lab/contract "$CONTRACT"
}

@test "the emulator keeps the first chunk only: the damage is noticed" {
    bad large_object_in_parts 65 "large: the store kept 16777216 of 68157440 bytes"
}

@test "Google's client reads what was pushed" {
    migrations 2; unset ATLAS_TOKEN; project gs://lab/theirs
    atlas migrate push app:v1 --env ci
    equal "$(client list lab theirs/ | sed -E 's/[0-9a-f]{64}/HEX/')" "theirs/app/blobs/sha256/HEX
theirs/app/manifests/sha256/HEX
theirs/app/refs/tags/latest
theirs/app/refs/tags/v1
theirs/app/refs/versions/20260102000000
theirs/repositories/app.json"
    local blob; blob=$(client list lab theirs/app/blobs/)
    equal "$(client get lab "$blob" | sha256sum | cut -d' ' -f1)" "${blob##*/}"
    equal "$(client stat lab theirs/app/refs/tags/v1 | jq -r .cacheControl)" no-store
    equal "$(client stat lab "$blob" | jq -r .contentType)" application/vnd.atlas.migrations.v1.tar
    equal "$(client get lab theirs/app/refs/tags/v1 | jq -r .manifest.digest)" "sha256:${blob##*/}"
}

@test "what Google's client wrote is read: a copied registry serves, a damaged one does not" {
    migrations 2; unset ATLAS_TOKEN; project gs://lab/first
    atlas migrate push --env ci
    local key
    for key in $(client list lab first/); do
        client get lab "$key" > object; client put lab "second/${key#first/}" object
    done
    project gs://lab/second; atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2"
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
    key=$(client list lab second/app/blobs/); echo damaged > object; client put lab "$key" object
    run atlas registry verify --env ci; [ "$status" -eq 1 ]; has "$output" damaged
}

@test "push and apply, again and from a backup; conditions are known to be missing" {
    migrations 1; unset ATLAS_TOKEN; project url=gs://lab/main gs://lab/copy
    atlas migrate push --env ci; atlas migrate push --env ci
    migrations 2; atlas migrate push --env ci
    atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2"
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
}

@test "conditions, several pages, keys of any kind: the scripted server" {
    scripted page=3
    ATLAS_TEST_STORES=gs://lab "$CONTRACT"
    [ "$(grep -c pageToken gcp.log)" -ge 13 ]
    ATLAS_TEST_LARGE_CONDITIONS=1 ATLAS_TEST_STORES=gs://lab "$CONTRACT"
    : > gcp.log; good large_object_in_parts 65
    equal "$(ranges)" "bytes 0-16777215/68157440;bytes 16777216-33554431/68157440;bytes 33554432-50331647/68157440;bytes 50331648-67108863/68157440;bytes 67108864-68157439/68157440;"
}

@test "a server that tells no generation is asked for it" {
    scripted no_generation=1; good put_get_head; good conditions
}

@test "a broken chunk: the server is asked what arrived, and the rest is sent" {
    scripted drop=2; good large_object_in_parts 65
    has "$(ranges)" "bytes 16777216-33554431/68157440;bytes */68157440;bytes 25165824-41943039/68157440;"
    has "$output" "asking what arrived"; lacks "$output" uploadid_
    stop_pid gcp.pid; scripted drop=1; good large_object_in_parts 20 # a session of one request
    equal "$(ranges)" "bytes 0-20971519/20971520;bytes */20971520;bytes 10485760-20971519/20971520;"
    stop_pid gcp.pid; scripted shrink=2; good large_object_in_parts 65
    has "$(ranges)" "bytes 16777216-33554431/68157440;bytes 17039360-33816575/68157440;"
}

@test "a forgotten session is started again" {
    scripted gone=2; good large_object_in_parts 65
    has "$(ranges)" "bytes 0-16777215/68157440;bytes 16777216-33554431/68157440;bytes 0-16777215/68157440;"
}

@test "a busy server: waits as long as it asks, within a session too" {
    scripted busy=1; SECONDS=0; good put_get_head; [ $SECONDS -ge 1 ]
    stop_pid gcp.pid; scripted busy_put=2; SECONDS=0; good large_object_in_parts 65; [ $SECONDS -ge 1 ]
    has "$(ranges)" "bytes 16777216-33554431/68157440;bytes */68157440;bytes 16777216-33554431/68157440;"
    stop_pid gcp.pid; scripted busy=100000; ATLAS_HTTP_RETRIES=2 bad put_get_head 1 "HTTP 503 backendError: Backend Error"
}

@test "damage on the way is noticed: by the server, and by us" {
    scripted corrupt=1
    bad empty_and_binary 1 "bin: POST 127.0.0.1:$PORT: HTTP 400 invalid: Provided MD5 hash"
    bad large_object_in_parts 9 "large: PUT 127.0.0.1:$PORT: HTTP 400 invalid: Provided MD5 hash"
    stop_pid gcp.pid; scripted lie=1
    bad empty_and_binary 1 "bin: the store kept other bytes than were sent: MD5 7878"
}

@test "a session on another host gets neither token nor bytes" {
    scripted elsewhere=1; good large_object_in_parts 20
}

@test "a missing bucket, a bad endpoint, an unknown parameter: named" {
    scripted; unset ATLAS_TOKEN; migrations 1
    for c in "gs://nope/x|The specified bucket does not exist." "gs://lab/x?endpoint=ftp://x|\"ftp://x\" is not an http or https URL" \
        "gs://lab/x?acess_id=a|unknown query parameter \"acess_id\"" "gs:///x|the bucket is missing" "gs://lab?anonymous=maybe|\"anonymous\" is \"maybe\""; do
        project "${c%%|*}"; run atlas migrate push --env ci; [ "$status" -eq 1 ]; has "$output" "${c#*|}"
    done
    project url=gs://nope/x file://b1; run atlas migrate push --env ci; [ "$status" -eq 0 ]
    run atlas migrate apply --env prod; [ "$status" -eq 0 ]; has "$output" "file://b1 serves"
}
