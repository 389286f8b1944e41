#!/usr/bin/env bats
# Every source of AWS credentials, each to its end: a push to a real server with the keys it handed out.
bats_require_minimum_version 1.5.0
load common
setup() {
    common_setup; migrations 1; : > tokens.log; : > all-output
    start_tool tokens aws-tokens "$DIR/tokens.port" "$DIR/tokens.log" "$RGW_KEY" "$RGW_SECRET"
    TOKENS=http://127.0.0.1:$PORT; export AWS_ENDPOINT_URL_STS=$TOKENS
    URL=$(bucket "$RGW_URL"); mkdir -p "$HOME/.aws"
}
teardown() { common_teardown; [ ! -f own.dir ] || "$ATLAS_ROOT/tests/servers/rgw" stop "$(cat own.dir)"; }

# Real keys come from the source alone, and no output says them.
pushes() { # URL: with a copy beside it, that the push is seen to have reached the server
    project "$1"
    run --separate-stderr atlas migrate push --env ci
    echo "$output" "$stderr"; [ "$status" -eq 0 ]; equal "$stderr" ""
    run atlas migrate apply --env prod
    [ "$status" -eq 0 ]; equal "$(tables app.db)" t1
    quiet "$1"
}
refused() { # URL TEXT...: the push fails with one line that holds each TEXT
    local url=$1; shift
    project "$url"
    run --separate-stderr atlas migrate push --env ci
    echo "$stderr"; [ "$status" -eq 1 ]; equal "$(grep -c . <<< "$stderr")" 1; has "$stderr" "$@"
    quiet "$url"
}
quiet() { # URL: nor does it with every message at debug level
    # A test that fails jumps out of what it had open: no leak of the program's.
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 ATLAS_TEST_DEBUG=1 ATLAS_TEST_ONLY=put_get_head ATLAS_TEST_STORES=$1 "$ATLAS_BUILD/tests/contract/test_store" > all-output 2>&1 || true
    has "$(cat all-output)" "debug: AWS credentials: "
    ! grep -nE "$RGW_SECRET|base-secret|session-[0-9a-f]{8}|container-token|oidc-request|eyJ[A-Za-z0-9_-]{20}|Signature=[0-9a-f]{8}" all-output
}
asked() { jq -r "select(.op == \"$1\") | ${2:-.op}" tokens.log; } # OP [FIELD]: of the requests granted
role() { echo "$1&role=arn:aws:iam::123456789012:role/${2:-ci}"; }
base_keys() { export AWS_ACCESS_KEY_ID=BASEKEY AWS_SECRET_ACCESS_KEY=base-secret-0123456789; }
jwt() { "$ATLAS_ROOT/tests/servers/aws-tokens" jwt "$@"; }
config() { cat > "$HOME/.aws/config"; }
credentials() { cat > "$HOME/.aws/credentials"; }

@test "environment keys" { use_rgw; pushes "$URL"; }

@test "environment keys with a session token, which is signed and sent" {
    use_rgw; export AWS_SESSION_TOKEN=session-0123456789abcdef
    : > wire.log; start_tool wire s3-wire "$DIR/wire.port" "$DIR/wire.log" plain - "$(port_of "$RGW_URL")"
    pushes "$(bucket "http://127.0.0.1:$PORT")"
    equal "$(jq -r '.headers["x-amz-security-token"]' wire.log | sort -u)" session-0123456789abcdef
    equal "$(jq -r '.headers.authorization' wire.log | grep -vc 'SignedHeaders=[^,]*x-amz-security-token')" 0
}

@test "a role on top of environment keys; one request of STS serves all of a push" {
    base_keys; project "$(role "$URL")"
    run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(asked AssumeRole '[.role,.by,.session,.region]|join(" ")')" "arn:aws:iam::123456789012:role/ci BASEKEY atlas-action us-east-1"
    AWS_ROLE_SESSION_NAME=job-7 AWS_REGION=eu-west-1 atlas migrate push --env ci > /dev/null
    equal "$(asked AssumeRole '[.session,.region]|join(" ")' | tail -1)" "job-7 eu-west-1"
    quiet "$(role "$URL")"
}

@test "two stores with one role share its credentials" {
    base_keys; project "$(role "$URL")" "$(role "$(bucket "$RGW_URL")")" "$(role "$(bucket "$RGW_URL")")"
    run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(asked AssumeRole)" AssumeRole
}

@test "a role that may not be assumed, and one asked for with a wrong key" {
    base_keys; refused "$(role "$URL" forbidden)" "assuming the role arn:aws:iam::123456789012:role/forbidden" "HTTP 403 AccessDenied"
    AWS_SECRET_ACCESS_KEY=base-secret-9876543210 refused "$(role "$URL")" SignatureDoesNotMatch
}

@test "web identity of the environment" {
    jwt sts.amazonaws.com 300 > token; export AWS_WEB_IDENTITY_TOKEN_FILE=$DIR/token AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pod AWS_ROLE_SESSION_NAME=pod-1
    pushes "$URL"
    equal "$(asked AssumeRoleWithWebIdentity '[.role,.by,.session]|join(" ")' | sort -u)" "arn:aws:iam::123456789012:role/pod repo:acme/app pod-1"
    jwt sts.amazonaws.com -1 > token; refused "$URL" "web identity" ExpiredTokenException
    rm token; refused "$URL" "web identity" token "No such file"
}

@test "a role on top of web identity is assumed with its keys" {
    jwt sts.amazonaws.com 300 > token; export AWS_WEB_IDENTITY_TOKEN_FILE=$DIR/token AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pod
    pushes "$(role "$URL" deploy)"
    equal "$(asked AssumeRole '[.role,.by]|join(" ")' | sort -u)" "arn:aws:iam::123456789012:role/deploy $RGW_KEY"
}

@test "GitHub's OIDC token, asked for with the audience of STS" {
    export ACTIONS_ID_TOKEN_REQUEST_URL="$TOKENS/oidc?api-version=2.0" ACTIONS_ID_TOKEN_REQUEST_TOKEN=oidc-request-token-1
    pushes "$(role "$URL")"
    equal "$(asked oidc .audience | sort -u)" sts.amazonaws.com
    equal "$(asked AssumeRoleWithWebIdentity .role | sort -u)" arn:aws:iam::123456789012:role/ci
    ACTIONS_ID_TOKEN_REQUEST_TOKEN=oidc-request-token-2 refused "$(role "$URL")" "OIDC token of GitHub" "HTTP 401"
    ACTIONS_ID_TOKEN_REQUEST_URL=http://192.0.2.1/ refused "$(role "$URL")" "credentials are not sent to http://192.0.2.1"
}

@test "OIDC tokens of GitLab, CircleCI and Bitbucket" {
    ATLAS_AWS_ID_TOKEN=$(jwt sts.amazonaws.com 300) pushes "$(role "$URL")"; rm app.db
    CIRCLE_OIDC_TOKEN_V2=$(jwt sts.amazonaws.com 300) pushes "$(role "$URL")"; rm app.db
    CIRCLE_OIDC_TOKEN=$(jwt sts.amazonaws.com 300) pushes "$(role "$URL")"; rm app.db
    BITBUCKET_STEP_OIDC_TOKEN=$(jwt sts.amazonaws.com 300) pushes "$(role "$URL")"
    local sent; sent=$(wc -l < tokens.log)
    ATLAS_AWS_ID_TOKEN=$(jwt https://gitlab.com 300) refused "$(role "$URL")" "OIDC token of GitLab" "audience is not \"sts.amazonaws.com\""
    ATLAS_AWS_ID_TOKEN=$(jwt sts.amazonaws.com -1) refused "$(role "$URL")" "OIDC token of GitLab" "the token has expired"
    ATLAS_AWS_ID_TOKEN=no-token-at-all refused "$(role "$URL")" "not a JSON Web Token"
    equal "$(wc -l < tokens.log)" "$sent" # none of these left this machine
}

@test "a token goes to no endpoint of atlas.hcl" {
    unset AWS_ENDPOINT_URL_STS; export ATLAS_AWS_ID_TOKEN ATLAS_HTTP_TIMEOUT=3 ATLAS_HTTP_RETRIES=1; ATLAS_AWS_ID_TOKEN=$(jwt sts.amazonaws.com 300)
    project "$(role "s3://lab/x?endpoint=$TOKENS&region=xx-none-1")"
    run atlas migrate push --env ci; [ "$status" -eq 1 ]; has "$output" sts.xx-none-1.amazonaws.com; equal "$(cat tokens.log)" ""
}

@test "shared credentials file: default, AWS_PROFILE, profile=, another path" {
    credentials <<< "[default]
aws_access_key_id = $RGW_KEY
aws_secret_access_key = $RGW_SECRET"
    pushes "$URL"; rm app.db
    credentials <<< "# two profiles
[default]
aws_access_key_id = NOBODY
aws_secret_access_key = wrong-wrong-wrong
[ci]
aws_access_key_id=$RGW_KEY
aws_secret_access_key=$RGW_SECRET # with a comment"
    AWS_PROFILE=ci pushes "$URL"; rm app.db
    base_keys; pushes "$URL&profile=ci"; rm app.db; unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    mv "$HOME/.aws/credentials" mine; AWS_SHARED_CREDENTIALS_FILE=$DIR/mine AWS_PROFILE=ci pushes "$URL"
    AWS_PROFILE=nobody refused "$URL" 'profile "nobody"' "it is in no file"
    AWS_SHARED_CREDENTIALS_FILE=$DIR/mine AWS_PROFILE=default refused "$URL" InvalidAccessKeyId
}

@test "config file: keys and region of a profile; a malformed line has a place" {
    config <<< "[profile ci]
region = eu-central-1
s3 =
  addressing_style = path
aws_access_key_id = $RGW_KEY
aws_secret_access_key = $RGW_SECRET"
    : > wire.log; start_tool wire s3-wire "$DIR/wire.port" "$DIR/wire.log" plain - "$(port_of "$RGW_URL")"
    pushes "$(bucket "http://127.0.0.1:$PORT")&profile=ci"
    has "$(jq -r .headers.authorization wire.log | head -1)" /eu-central-1/s3/aws4_request
    echo "what is this" >> "$HOME/.aws/config"
    refused "$URL&profile=ci" ".aws/config:7:1: neither a section nor"
}

@test "role_arn with source_profile, in two steps" {
    credentials <<< "[base]
aws_access_key_id = BASEKEY
aws_secret_access_key = base-secret-0123456789"
    config <<< "[profile deploy]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = middle
role_session_name = two
[profile middle]
role_arn = arn:aws:iam::123456789012:role/middle
source_profile = base
external_id = e-1"
    pushes "$URL&profile=deploy"
    equal "$(asked AssumeRole '[.role,.by,.session,.external]|join(" ")' | sort -u)" \
        "arn:aws:iam::123456789012:role/deploy $RGW_KEY two 
arn:aws:iam::123456789012:role/middle BASEKEY atlas-action e-1"
    config <<< "[profile a]
role_arn = r
source_profile = b
[profile b]
role_arn = r
source_profile = a"
    refused "$URL&profile=a" "source_profile goes round in circles: a -> b -> a"
}

@test "role_arn with credential_source and web_identity_token_file" {
    config <<< "[profile e]
role_arn = arn:aws:iam::123456789012:role/e
credential_source = Environment
[profile i]
role_arn = arn:aws:iam::123456789012:role/i
credential_source = Ec2InstanceMetadata
[profile c]
role_arn = arn:aws:iam::123456789012:role/c
credential_source = EcsContainer
[profile w]
role_arn = arn:aws:iam::123456789012:role/w
web_identity_token_file = $DIR/token
[profile x]
role_arn = arn:aws:iam::123456789012:role/x
credential_source = Hearsay"
    base_keys; pushes "$URL&profile=e"; rm app.db; unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    AWS_EC2_METADATA_DISABLED= AWS_EC2_METADATA_SERVICE_ENDPOINT=$TOKENS pushes "$URL&profile=i"; rm app.db
    AWS_CONTAINER_CREDENTIALS_FULL_URI=$TOKENS/container AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer container-token-1" pushes "$URL&profile=c"; rm app.db
    jwt sts.amazonaws.com 300 > token; pushes "$URL&profile=w"
    equal "$(asked AssumeRole .role | sort -u | tr '\n' ' ')" "arn:aws:iam::123456789012:role/c arn:aws:iam::123456789012:role/e arn:aws:iam::123456789012:role/i "
    refused "$URL&profile=x" 'credential_source is "Hearsay"'
}

@test "credential_process: split as the AWS tools do, no shell" {
    mkdir "a b"; cat > "a b/give me" <<S
#!/bin/sh
printf '%s\n' "\$@" > "$DIR/arguments"
echo '{"Version": 1, "AccessKeyId": "$RGW_KEY", "SecretAccessKey": "$RGW_SECRET", "SessionToken": "session-0123456789", "Expiration": "2099-01-01T00:00:00Z"}'
S
    chmod +x "a b/give me"
    config <<< "[default]
credential_process = \"$DIR/a b/give me\" one 'two  \$HOME' three\\ four"
    pushes "$URL"; equal "$(cat arguments)" 'one
two  $HOME
three four'
    config <<< "[default]
credential_process = /bin/false"; refused "$URL" "credential_process /bin/false ended with status 1"
    config <<< "[default]
credential_process = /bin/echo {}"; refused "$URL" 'did not print a JSON object with "Version": 1'
    config <<< "[default]
credential_process = $DIR/none"; refused "$URL" "starting $DIR/none"
}

@test "container endpoint, with its token in a variable and in a file" {
    export AWS_CONTAINER_CREDENTIALS_FULL_URI=$TOKENS/container
    AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer container-token-1" pushes "$URL"; rm app.db
    echo "Bearer container-token-1" > token; AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$DIR/token pushes "$URL"
    equal "$(asked container | sort -u)" container
    AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer container-token-2" refused "$URL" container "HTTP 401"
    AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/container refused "$URL" "credentials are not sent to http://192.0.2.1"
    AWS_CONTAINER_CREDENTIALS_FULL_URI=$TOKENS/moved AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer container-token-1" refused "$URL" "HTTP 302"
}

@test "instance metadata, version 2" {
    export AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=$TOKENS/
    pushes "$URL"; equal "$(jq -r .op tokens.log | sort -u | tr '\n' ' ')" "imds keys imds role imds token "
    pushes "$(role "$(bucket "$RGW_URL")" top)" || true
    has "$(asked AssumeRole .role)" role/top
    rm -f app.db; AWS_EC2_METADATA_DISABLED=true refused "$URL" "instance metadata: AWS_EC2_METADATA_DISABLED is set"
}

@test "silence of the metadata service costs two seconds" {
    proxy 1 swallow; export AWS_EC2_METADATA_DISABLED= AWS_EC2_METADATA_SERVICE_ENDPOINT=$PROXY
    project "$URL"; SECONDS=0
    run atlas migrate push --env ci
    [ "$status" -eq 1 ]; [ $SECONDS -le 4 ]; has "$output" "instance metadata: "
}

@test "anonymous" {
    : > wire.log; start_tool wire s3-wire "$DIR/wire.port" "$DIR/wire.log" plain
    use_rgw; project "$(bucket "http://127.0.0.1:$PORT")&anonymous=true"
    atlas migrate push --env ci > /dev/null
    equal "$(jq -r '.headers.authorization' wire.log | sort -u)" null
}

@test "nothing found: every source says why" {
    refused "$(role "$URL")" "no AWS credentials (environment: AWS_ACCESS_KEY_ID is not set" "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set" \
        "OIDC: the CI platform gives no token" 'profile "default": is in no file' "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" \
        "instance metadata: AWS_EC2_METADATA_DISABLED is set"
    AWS_ACCESS_KEY_ID=X refused "$URL" "environment: AWS_SECRET_ACCESS_KEY is not set"
}

@test "credentials that expire in the middle of a multipart upload are renewed once" {
    base_keys; : > wire.log
    start_tool wire s3-wire "$DIR/wire.port" "$DIR/wire.log" expire 2 "$(port_of "$RGW_URL")"
    ATLAS_TEST_ONLY=large_object_in_parts ATLAS_TEST_STORES="$(role "$(bucket "http://127.0.0.1:$PORT")")" "$ATLAS_BUILD/tests/contract/test_store"
    equal "$(asked AssumeRole | wc -l)" 2
    [ "$(jq -r 'select(.status == 400) | .path' wire.log | wc -l)" -ge 1 ]
    equal "$(jq -r 'select(.status == 200 and .method == "PUT") | .headers["x-amz-security-token"]' wire.log | sort -u | wc -l)" 2
}

@test "Ceph's own STS: it checks our signature, and the session token of what it hands out" {
    local port; port=$(free_port); mkdir own; chmod 755 own
    "$ATLAS_ROOT/tests/servers/rgw" start "$DIR/own" "$port" sts; echo "$DIR/own" > own.dir
    "$ATLAS_ROOT/tests/servers/rgw" role "$DIR/own" ci
    export AWS_ENDPOINT_URL_STS=http://127.0.0.1:$port; use_rgw
    "$ATLAS_ROOT/tests/support/s3" PUT "$AWS_ENDPOINT_URL_STS/lab"; "$ATLAS_ROOT/tests/support/s3" PUT "$AWS_ENDPOINT_URL_STS/other"
    local at="endpoint=$AWS_ENDPOINT_URL_STS&role=arn:aws:iam:::role"
    pushes "s3://lab/sts?$at/ci"
    refused "s3://other/sts?$at/ci" AccessDenied # the role may not: it is the role that asks
    refused "s3://lab/sts?$at/none" "assuming the role arn:aws:iam:::role/none" "HTTP 4"
    AWS_SECRET_ACCESS_KEY=wrong-secret-0123 refused "s3://lab/sts?$at/ci" "assuming the role" "HTTP 403"
}
