#!/usr/bin/env bats
# The contract of object stores, over every driver and real servers.
load common
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
