#!/usr/bin/env bats
# Our STS calls, and what we do with their keys, judged by moto: it recomputes signatures and obeys policies.
load ../e2e/common
bats_require_minimum_version 1.5.0
setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    "$ATLAS_ROOT/tests/servers/moto" install
    export MOTO_PORT=$(free_port)
    "$ATLAS_ROOT/tests/servers/moto" start "$BATS_FILE_TMPDIR" "$MOTO_PORT"
}
teardown_file() { . "$ATLAS_ROOT/tests/servers/lib.sh"; "$ATLAS_ROOT/tests/servers/moto" stop "$BATS_FILE_TMPDIR"; }
setup() {
    common_setup
    export MOTO=http://127.0.0.1:$MOTO_PORT AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL_STS=http://127.0.0.1:$MOTO_PORT
    read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY < "$BATS_FILE_TMPDIR/keys"
}
teardown() { common_teardown; }

CONTRACT=$ATLAS_BUILD/tests/contract/test_store
url() { echo "s3://${1:-lab}/$RANDOM?endpoint=$MOTO&role=arn:aws:iam::123456789012:role/${2:-ci}"; }
refused() { # URL TEXT...
    # A test that fails leaves its arena behind: leaks are not looked for there.
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 ATLAS_TEST_ONLY=put_get_head ATLAS_TEST_STORES=$1 run "$CONTRACT"
    [ "$status" -ne 0 ]; has "$output" "${@:2}"; lacks "$output" "$AWS_SECRET_ACCESS_KEY"
}

@test "AssumeRole: the contract with the role's keys" { ATLAS_TEST_STORES=$(url) "$CONTRACT"; }

@test "AssumeRole: only with the right keys, and only what the role may" {
    refused "s3://lab/x?endpoint=$MOTO" AccessDenied # the user himself may not write
    refused "$(url other)" AccessDenied
    refused "$(url lab none)" "assuming the role arn:aws:iam::123456789012:role/none" "HTTP 4"
    AWS_SECRET_ACCESS_KEY=not-the-secret-of-anybody refused "$(url)" "assuming the role" SignatureDoesNotMatch
    AWS_ACCESS_KEY_ID=AKIANOBODY refused "$(url)" "assuming the role" InvalidClientTokenId
}

# moto wants a signature even of the one request that has none: that one is let through, all behind it are judged.
one_unsigned() { curl -sf -o /dev/null -H "Content-Type: text/plain" -d 1 "$MOTO/moto-api/reset-auth"; }

@test "AssumeRoleWithWebIdentity: the contract with the keys of a token" {
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    "$ATLAS_ROOT/tests/servers/aws-tokens" jwt sts.amazonaws.com 300 > token
    export AWS_WEB_IDENTITY_TOKEN_FILE=$DIR/token AWS_ROLE_ARN=arn:aws:iam::123456789012:role/ci t
    for t in put_get_head empty_and_binary conditions listing many_at_once large_object_in_parts; do
        one_unsigned; ATLAS_TEST_DEBUG=1 ATLAS_TEST_ONLY=$t ATLAS_TEST_STORES=s3://lab/web?endpoint=$MOTO "$CONTRACT" > out.txt 2>&1 || { cat out.txt; return 1; }
        has "$(cat out.txt)" "web identity" "PASSED  ] 1 test"; lacks "$(cat out.txt)" "$(cat token)"
    done
    one_unsigned; ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 ATLAS_TEST_ONLY=put_get_head ATLAS_TEST_STORES=s3://other/web?endpoint=$MOTO run "$CONTRACT"
    [ "$status" -ne 0 ]; has "$output" AccessDenied
}

@test "a push and an apply by way of a role" {
    migrations 2; unset ATLAS_TOKEN; project "$(url)"
    run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 0 ]; equal "$stderr" ""
    atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2"
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
}
