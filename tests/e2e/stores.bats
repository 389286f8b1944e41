#!/usr/bin/env bats
# The contract of object stores, over every driver and real servers.
load common
setup_file() { . "$ATLAS_ROOT/tests/servers/lib.sh"; apt_install rclone awscli; }
setup() { common_setup; }
teardown() { common_teardown; }

@test "contract: file store" {
    "$ATLAS_BUILD/tests/contract/test_store"
}

@test "contract: S3 on Swift, which has no conditional writes" {
    use_swift
    ATLAS_TEST_STORES=$(bucket "$SWIFT_URL") "$ATLAS_BUILD/tests/contract/test_store"
}

@test "contract: S3 on Ceph, which has conditional writes" {
    use_rgw
    ATLAS_TEST_STORES=$(bucket "$RGW_URL") "$ATLAS_BUILD/tests/contract/test_store"
}

@test "a wrong secret is refused, and named without the secret" {
    use_rgw; export AWS_SECRET_ACCESS_KEY=wrongsecretwrongsecret
    migrations 1
    unset ATLAS_TOKEN
    project "$(bucket "$RGW_URL")"
    run atlas migrate push --env ci
    [ "$status" -eq 1 ]
    has "$output" "SignatureDoesNotMatch"
    lacks "$output" wrongsecret
}

large_push() { # URL: an artifact that goes up in parts, and a small one
    migrations 1; local n
    for n in 1 2; do head -c 26000000 /dev/urandom | base64 -w 200 | sed 's/^/-- /' > "migrations/2026020${n}000000_large.sql"; done
    atlas migrate hash; project "$1"; atlas migrate push --env ci > /dev/null
}
blobs() { find "$1" -path '*sha256*' -type f; }
same_as_their_names() { # DIR: each object's bytes have the digest that its name says
    local f n=0
    for f in $(blobs "$1"); do equal "$(sha256sum < "$f" | cut -d' ' -f1)" "$(basename "$f")"; n=$((n + 1)); done
    [ $n -ge 2 ]; [ -n "$(find "$1" -size +64M)" ]
}
applies_from() { project "$1"; rm -f app.db; atlas migrate apply --env prod > /dev/null; equal "$(tables app.db)" t1; atlas registry verify --env ci > /dev/null; }

with_rclone() { # ENDPOINT
    export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_X_TYPE=s3 RCLONE_CONFIG_X_PROVIDER=Other RCLONE_CONFIG_X_ENV_AUTH=true RCLONE_CONFIG_X_ENDPOINT=$1
    local p=r$BATS_SUITE_TEST_NUMBER-$RANDOM; unset ATLAS_TOKEN
    large_push "s3://lab/$p?endpoint=$1"
    rclone -q copy "X:lab/$p" mine; same_as_their_names mine
    rclone -q copy --s3-upload-cutoff 8M --s3-chunk-size 8M mine "X:lab/$p-theirs"
    applies_from "s3://lab/$p-theirs?endpoint=$1"
}
with_awscli() { # ENDPOINT
    local p=c$BATS_SUITE_TEST_NUMBER-$RANDOM aws="/usr/bin/aws --endpoint-url $1 --region us-east-1 s3 sync --quiet"; unset ATLAS_TOKEN
    large_push "s3://lab/$p?endpoint=$1"
    $aws "s3://lab/$p" mine; same_as_their_names mine
    $aws mine "s3://lab/$p-theirs"
    applies_from "s3://lab/$p-theirs?endpoint=$1"
}

@test "rclone reads what we wrote, and we read what it writes: Ceph" { use_rgw; with_rclone "$RGW_URL"; }
@test "rclone reads what we wrote, and we read what it writes: Swift" { use_swift; with_rclone "$SWIFT_URL"; }
@test "the AWS command line reads what we wrote, and we read what it writes: Ceph" { use_rgw; with_awscli "$RGW_URL"; }
@test "the AWS command line reads what we wrote, and we read what it writes: Swift" { use_swift; with_awscli "$SWIFT_URL"; }

@test "256 MiB go up and down with flat memory: Ceph, Swift" {
    use_rgw; ATLAS_TEST_BIG=1 ATLAS_TEST_STORES=$(bucket "$RGW_URL") "$ATLAS_BUILD/tests/contract/test_store"
    use_swift; ATLAS_TEST_BIG=1 ATLAS_TEST_STORES=$(bucket "$SWIFT_URL") "$ATLAS_BUILD/tests/contract/test_store"
}

@test "conditions hold for objects in parts: Ceph, which ignores them there, and Swift" {
    use_rgw; ATLAS_TEST_LARGE_CONDITIONS=1 ATLAS_TEST_STORES=$(bucket "$RGW_URL") "$ATLAS_BUILD/tests/contract/test_store"
    use_swift; ATLAS_TEST_LARGE_CONDITIONS=1 ATLAS_TEST_STORES=$(bucket "$SWIFT_URL") "$ATLAS_BUILD/tests/contract/test_store"
}

@test "a region that is not Swift's is corrected by its answer" {
    use_swift; migrations 1; unset ATLAS_TOKEN
    applies_after_push() { project "$1"; atlas migrate push --env ci > /dev/null; applies_from "$1"; }
    applies_after_push "$(bucket "$SWIFT_URL")&region=eu-west-9"
}

@test "a directory of 256 MiB is pushed to a bucket and a directory in flat memory" {
    use_rgw; mkdir migrations
    python3 - <<'P'
import base64, os
for i in range(128):
    with open("migrations/2026%04d_big.sql" % i, "w") as f:
        f.write("-- " + base64.b64encode(os.urandom(1536 << 10)).decode() + "\nSELECT 1;\n")
P
    atlas migrate hash; project "url=$(bucket "$RGW_URL")" "file://$DIR/copy"
    python3 - <<'P'
import os, resource, subprocess
subprocess.run(["atlas", "migrate", "push", "--env", "ci"], check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
print("peak: %d MiB" % peak)
assert peak < 64 or "/asan" in os.environ["ATLAS_BUILD"], peak
P
    run atlas registry verify --env ci; echo "$output"; [ "$status" -eq 0 ]
}
