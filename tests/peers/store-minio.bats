#!/usr/bin/env bats
# s3:// on MinIO: conditional PUT, checksums of single objects and parts, session tokens of its STS.
load ../e2e/common
setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    apt_install rclone awscli
    "$ATLAS_ROOT/tests/servers/minio" install
    export MINIO_PORT=$(free_port) AWS_ACCESS_KEY_ID=LABACCESSKEY AWS_SECRET_ACCESS_KEY=labsecretkey
    "$ATLAS_ROOT/tests/servers/minio" start "$BATS_FILE_TMPDIR" "$MINIO_PORT"
    "$ATLAS_ROOT/tests/support/s3" PUT "http://127.0.0.1:$MINIO_PORT/lab"
}
teardown_file() { . "$ATLAS_ROOT/tests/servers/lib.sh"; "$ATLAS_ROOT/tests/servers/minio" stop "$BATS_FILE_TMPDIR"; }
setup() { common_setup; export MINIO=http://127.0.0.1:$MINIO_PORT; }
teardown() { common_teardown; }

CONTRACT=$ATLAS_BUILD/tests/contract/test_store
url() { echo "s3://lab/$BATS_TEST_NUMBER-$RANDOM?endpoint=$MINIO"; }

@test "contract: conditional PUT" { ATLAS_TEST_STORES=$(url) "$CONTRACT"; }

@test "contract: with and without checksums" {
    ATLAS_TEST_STORES="$(url)&request_checksum_calculation=when_supported" "$CONTRACT"
    ATLAS_TEST_STORES="$(url)&request_checksum_calculation=when_required" "$CONTRACT"
}

@test "conditions hold for objects in parts, and the server itself looks at them" {
    ATLAS_TEST_LARGE_CONDITIONS=1 ATLAS_TEST_STORES=$(url) "$CONTRACT"
}

@test "a 256 MiB artifact with a peak memory under 64 MiB" { ATLAS_TEST_BIG=1 ATLAS_TEST_STORES=$(url) "$CONTRACT"; }

@test "the checksum that we send is what the server keeps" {
    migrations 1; unset ATLAS_TOKEN; project "s3://lab/sums?endpoint=$MINIO"; atlas migrate push --env ci
    local aws="/usr/bin/aws --endpoint-url $MINIO --region us-east-1" blob
    blob=$($aws s3 ls --recursive s3://lab/sums/ | grep -o 'sums/app/blobs/.*')
    equal "$($aws s3api head-object --bucket lab --key "$blob" --checksum-mode ENABLED | jq -r .ChecksumSHA256 | base64 -d | od -An -tx1 | tr -d ' \n')" "${blob##*/}"
}

@test "a wrong secret is refused, and shown nowhere; a missing bucket is named" {
    migrations 1; unset ATLAS_TOKEN; project "url=$(url)"
    AWS_SECRET_ACCESS_KEY=wrongsecretwrongsecret run atlas migrate push --env ci
    [ "$status" -eq 1 ]; has "$output" SignatureDoesNotMatch; lacks "$output" wrongsecret
    project "url=s3://nope/x?endpoint=$MINIO"; run atlas migrate push --env ci
    [ "$status" -eq 1 ]; has "$output" NoSuchBucket
}

@test "push, apply, verify; eight pushes at once leave one truth" {
    migrations 2; unset ATLAS_TOKEN; project "$(url)"
    local i pids=()
    for i in $(seq 8); do atlas migrate push app:race --env ci > push.$i 2>&1 & pids+=($!); done
    for i in "${pids[@]}"; do wait "$i"; done
    atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2"
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
}

@test "rclone and the AWS command line read what we wrote, and we read what they write" {
    migrations 2; unset ATLAS_TOKEN; project "s3://lab/ours?endpoint=$MINIO"; atlas migrate push --env ci
    export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_X_TYPE=s3 RCLONE_CONFIG_X_PROVIDER=Minio RCLONE_CONFIG_X_ENV_AUTH=true RCLONE_CONFIG_X_ENDPOINT=$MINIO
    rclone -q copy X:lab/ours mine; rclone -q copy mine X:lab/by-rclone
    local aws="/usr/bin/aws --endpoint-url $MINIO --region us-east-1 s3 sync --quiet" f who
    $aws s3://lab/ours mine2; $aws mine2 s3://lab/by-aws; diff -r mine mine2
    for f in $(find mine -path '*sha256*' -type f); do equal "$(sha256sum < "$f" | cut -d' ' -f1)" "$(basename "$f")"; done
    for who in rclone aws; do
        project "s3://lab/by-$who?endpoint=$MINIO"; rm -f app.db
        atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2"; atlas registry verify --env ci
    done
}
