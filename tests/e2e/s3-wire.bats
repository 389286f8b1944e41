#!/usr/bin/env bats
# What s3:// URLs make of the requests, as an endpoint that writes them down sees it.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; migrations 1; export AWS_ACCESS_KEY_ID=KEY AWS_SECRET_ACCESS_KEY=wire-secret-0123456789 ATLAS_HTTP_TIMEOUT=20; }
teardown() { common_teardown; }

wire() { : > wire.log; [ ! -f wire.pid ] || stop_pid wire.pid; start_tool wire s3-wire "$DIR/wire.port" "$DIR/wire.log" "$@"; W=http://127.0.0.1:$PORT; }
push() { project "$1"; run --separate-stderr atlas migrate push --env ci; ! grep -F wire-secret <<< "$output$stderr"; }
pushes() { push "$@"; echo "$stderr"; [ "$status" -eq 0 ]; equal "$stderr" ""; }
contract() { ATLAS_TEST_ONLY=$1 ATLAS_TEST_STORES=$2 "$ATLAS_BUILD/tests/contract/test_store"; }
fails() { export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0; run contract "$@"; [ "$status" -ne 0 ]; } # jumping out of what was open
sent() { jq -r "${2:-.}" <<< "$(jq -c "select(${1:-true})" wire.log)" | sort -u; } # CONDITION FIELD: distinct values
header() { sent "${2:-true}" ".headers[\"$1\"]"; }
puts='.method == "PUT"'

@test "region, AWS_REGION, AWS_DEFAULT_REGION, us-east-1: in that order" {
    wire plain; local scope='s|.*Credential=KEY/[0-9]*/\([^,]*\),.*|\1|'
    pushes "s3://lab/a?endpoint=$W"; equal "$(header authorization | sed "$scope" | sort -u)" us-east-1/s3/aws4_request; : > wire.log
    export AWS_DEFAULT_REGION=eu-north-1; pushes "s3://lab/b?endpoint=$W"; equal "$(header authorization | sed "$scope" | sort -u)" eu-north-1/s3/aws4_request; : > wire.log
    export AWS_REGION=eu-south-1; pushes "s3://lab/c?endpoint=$W"; equal "$(header authorization | sed "$scope" | sort -u)" eu-south-1/s3/aws4_request; : > wire.log
    pushes "s3://lab/d?endpoint=$W&region=eu-west-3"; equal "$(header authorization | sed "$scope" | sort -u)" eu-west-3/s3/aws4_request
}

@test "endpoint, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL: in that order" {
    wire plain; local dead=http://127.0.0.1:1
    AWS_ENDPOINT_URL_S3=$dead AWS_ENDPOINT_URL=$dead pushes "s3://lab/a?endpoint=$W"
    AWS_ENDPOINT_URL_S3=$W AWS_ENDPOINT_URL=$dead pushes "s3://lab/b"
    AWS_ENDPOINT_URL=$W pushes "s3://lab/c"
    AWS_ENDPOINT_URL=$W/under/ pushes "s3://lab/d"; has "$(sent '' .path)" /under/lab/d/
    push "s3://lab/e?endpoint=ftp://x"; [ "$status" -eq 1 ]; has "$stderr" "not an http or https URL"
}

@test "path style and virtual hosts; prefix" {
    wire plain; local at=localhost:${W##*:}
    pushes "s3://lab/a?endpoint=http://$at&prefix=b/c"; equal "$(sent '' .host)" "$at"; has "$(sent '' .path)" /lab/a/b/c/; : > wire.log
    pushes "s3://lab/a?endpoint=http://$at&use_path_style=false"; equal "$(sent '' .host)" "lab.$at"; lacks "$(sent '' .path)" /lab/; : > wire.log
    pushes "s3://lab/a?endpoint=http://$at&s3ForcePathStyle=false"; equal "$(sent '' .host)" "lab.$at"; : > wire.log
    pushes "s3://lab/a?endpoint=http://$at&use_path_style=false&hostname_immutable=true"; equal "$(sent '' .host)" "$at"
}

@test "Amazon's hosts: region, fips, dualstack, disable_https; a name that is not ours gets the bucket in front" {
    wire plain; export http_proxy=$W; local at='s3://lab/a?disable_https=true&region=eu-west-3'
    pushes "$at"; equal "$(sent '' .host)" lab.s3.eu-west-3.amazonaws.com; : > wire.log
    pushes "$at&fips=true"; equal "$(sent '' .host)" lab.s3-fips.eu-west-3.amazonaws.com; : > wire.log
    pushes "$at&dualstack=true"; equal "$(sent '' .host)" lab.s3.dualstack.eu-west-3.amazonaws.com; : > wire.log
    pushes "$at&dualstack=true&fips=true"; equal "$(sent '' .host)" lab.s3-fips.dualstack.eu-west-3.amazonaws.com; : > wire.log
    pushes "s3://lab/a?disable_https=true&region=cn-north-1"; equal "$(sent '' .host)" lab.s3.cn-north-1.amazonaws.com.cn; : > wire.log
    pushes "s3://lab/a?endpoint=https://store.example&disable_https=true"; equal "$(sent '' .host)" lab.store.example; : > wire.log
    pushes "s3://lab/a?endpoint=http://store.example&hostname_immutable=true"; equal "$(sent '' .host)" store.example; has "$(sent '' .path)" /lab/a/
}

@test "server-side encryption" {
    wire plain
    pushes "s3://lab/a?endpoint=$W"; equal "$(header x-amz-server-side-encryption)" null; : > wire.log
    pushes "s3://lab/b?endpoint=$W&ssetype=AES256"; equal "$(header x-amz-server-side-encryption "$puts")" AES256; : > wire.log
    pushes "s3://lab/c?endpoint=$W&ssetype=aws:kms&kmskeyid=key-1"; equal "$(header x-amz-server-side-encryption "$puts")" aws:kms
    equal "$(header x-amz-server-side-encryption-aws-kms-key-id "$puts")" key-1
    has "$(header authorization "$puts" | head -1)" "x-amz-server-side-encryption-aws-kms-key-id"; : > wire.log
    fails large_object_in_parts "s3://lab/d?endpoint=$W&kmskeyid=key-2"
    equal "$(header x-amz-server-side-encryption '.path | endswith("?uploads=")')" aws:kms
    push "s3://lab/e?endpoint=$W&ssetype=rot13"; [ "$status" -eq 1 ]; has "$stderr" 'parameter "ssetype" is "rot13"'
}

@test "request checksums: sent and true, or left out" {
    wire plain; pushes "s3://lab/a?endpoint=$W"
    equal "$(header x-amz-sdk-checksum-algorithm "$puts")" SHA256
    local line; while read -r line; do
        equal "$(jq -r '.headers["x-amz-checksum-sha256"]' <<< "$line" | base64 -d | od -An -tx1 | tr -d ' \n')" "$(jq -r '.headers["x-amz-content-sha256"]' <<< "$line")"
    done <<< "$(jq -c "select($puts)" wire.log)"
    : > wire.log; pushes "s3://lab/b?endpoint=$W&request_checksum_calculation=WHEN_REQUIRED"
    equal "$(header x-amz-checksum-sha256)$(header x-amz-sdk-checksum-algorithm)" nullnull
    push "s3://lab/c?endpoint=$W&request_checksum_calculation=never"; [ "$status" -eq 1 ]; has "$stderr" "neither when_supported nor when_required"
}

@test "answers' checksums: compared, or not asked for" {
    wire wrongsum; pushes "s3://lab/a?endpoint=$W"
    run atlas migrate apply --env prod; [ "$status" -eq 1 ]; has "$output" "does not match its x-amz-checksum-sha256"
    project "s3://lab/a?endpoint=$W&response_checksum_validation=when_required"; : > wire.log
    atlas migrate apply --env prod > /dev/null; equal "$(header x-amz-checksum-mode)" null
}

@test "rate_limiter_capacity: how often a request is repeated" {
    wire status 503
    push "s3://lab/a?endpoint=$W&rate_limiter_capacity=5"; [ "$status" -eq 1 ]; equal "$(jq -r '.method + .path' wire.log | sort | uniq -c | awk '{print $1}' | sort -u)" 2; : > wire.log
    push "s3://lab/a?endpoint=$W"; [ "$status" -eq 1 ]; equal "$(jq -r '.method + .path' wire.log | sort | uniq -c | awk '{print $1}' | sort -un | tail -1)" 5
    push "s3://lab/a?endpoint=$W&rate_limiter_capacity=lots"; [ "$status" -eq 1 ]; has "$stderr" "not a number"
}

@test "awssdk is ignored, an unknown parameter named" {
    wire plain; pushes "s3://lab/a?endpoint=$W&awssdk=v2"
    push "s3://lab/a?endpoint=$W&regoin=x"; [ "$status" -eq 1 ]; has "$stderr" 'unknown query parameter "regoin"'
}

@test "a bucket in another region, a clock that is wrong: learned from the first answer" {
    wire region ap-south-1; pushes "s3://lab/a?endpoint=$W"; has "$(header authorization '.status == 200' | head -1)" /ap-south-1/s3/
    wire skew 5400; pushes "s3://lab/a?endpoint=$W"; has "$(sent '.status == 403' .status)" 403
    wire skew -86400; pushes "s3://lab/a?endpoint=$W"
    wire region ap-south-1; http_proxy=$W pushes "s3://lab/a?disable_https=true"; equal "$(sent '.status == 200' .host)" lab.s3.ap-south-1.amazonaws.com
}

@test "a redirect leads a read elsewhere, but no credentials" {
    export AWS_SESSION_TOKEN=session-token-012345
    wire plain; pushes "s3://lab/a?endpoint=$W"; : > wire.log; mv wire.pid other.pid; mv wire.log other.log; local other=$W
    stop_pid other.pid; : > other.log; start_tool other s3-wire "$DIR/other.port" "$DIR/other.log" plain; other=http://127.0.0.1:$PORT
    project "s3://lab/a?endpoint=$other"; atlas migrate push --env ci > /dev/null; : > other.log
    wire redirect "$other"; project "s3://lab/a?endpoint=$W"
    atlas migrate apply --env prod > /dev/null; equal "$(tables app.db)" t1
    equal "$(jq -c '[.headers.authorization, .headers["x-amz-security-token"], .headers["x-amz-date"]]' other.log | sort -u)" "[null,null,null]"
}

@test "listing that is not allowed; a completion whose answer is lost" {
    wire nolist; fails listing "s3://lab/a?endpoint=$W"; has "$output" "listing is not allowed" AccessDenied
    pushes "s3://lab/b?endpoint=$W" # needs no list
    use_rgw; wire lost - "$(port_of "$RGW_URL")"; contract large_object_in_parts "$(bucket "$W")"
    [ "$(jq -r 'select(.method == "POST" and (.path | contains("uploadId"))) | .status' wire.log)" = 404 ]
}

@test "an upload in parts that fails is given up: no part stays, and no secret is told" {
    use_rgw; export AWS_SESSION_TOKEN=session-token-012345; wire expire 2 "$(port_of "$RGW_URL")"
    ATLAS_TEST_DEBUG=1 fails large_object_in_parts "$(bucket "$W")"; has "$output" "HTTP 400 ExpiredToken"
    equal "$(sent '.method == "DELETE" and (.path | contains("uploadId"))' .method)" DELETE
    ! grep -E "session-token-012345|$RGW_SECRET|Signature=[0-9a-f]{8}" <<< "$output"
}
