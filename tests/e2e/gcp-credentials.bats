#!/usr/bin/env bats
# Every source of Google Cloud credentials, against endpoints that check what the real ones check, and a
# storage that takes only the tokens these gave out. The contract suite of stores is what asks.
load common
setup() {
    common_setup
    export GOOGLE_APPLICATION_CREDENTIALS=$DIR/creds.json ATLAS_HTTP_RETRIES=2 ATLAS_TEST_LARGE_MIB=1 ATLAS_TEST_DEBUG=1
    openssl genrsa -out key.pem 2048 2> /dev/null && openssl rsa -in key.pem -pubout -out public.pem 2> /dev/null
    : > all-output
}
teardown() { common_teardown; no_secrets; }

EMAIL=pusher@demo-lab.iam.gserviceaccount.com
PROVIDER=//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/ci/providers/platform

gcp() { : > gcp.log; rm -f gcp.port; start_tool gcp gcp-tokens "$DIR/gcp.port" "$DIR" "$@"; URL=http://127.0.0.1:$PORT; }
contract() { # [PARAMS]: the whole suite, every message at debug level
    ATLAS_TEST_STORES="gs://lab?endpoint=$URL${1:-}" run "$ATLAS_BUILD/tests/contract/test_store"
    printf '%s\n' "$output" >> all-output
}
works() { contract "${1:-}"; [ "$status" -eq 0 ] || { echo "$output"; return 1; }; STORES=$(sed -nE 's/.* Running ([0-9]+) test.*/\1/p' <<< "$output"); }
# A test that fails leaves its arena behind: leaks are not looked for there.
fails() { local params=$1; shift; ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 ATLAS_TEST_ONLY=listing contract "$params"; [ "$status" -ne 0 ]; has "$output" "$@"; }
asked() { grep -c "\"path\": \"$1" gcp.log || true; }
no_secrets() { # nothing that opens a door may be in any output, at any level
    ! grep -nE 'ya29\.|accesstoken_|clientsecret_|refreshtoken_|subjecttoken_|requesttoken_|runner_secret|uploadid_|PRIVATE KEY|eyJ[A-Za-z0-9_-]{8}' all-output || return 1
    local line; line=$(sed -n 5p key.pem); ! grep -qF "$line" all-output
}
service_account() { # [NAME=VALUE...]: a key file as the console writes it
    jq -n --rawfile k key.pem --arg e $EMAIL --arg u "$URL/token" '{type:"service_account",project_id:"demo-lab",private_key_id:"keyid123",
        private_key:$k,client_email:$e,client_id:"1",auth_uri:"https://accounts.google.com/o/oauth2/auth",token_uri:$u,universe_domain:"googleapis.com"}'
}
authorized_user() { jq -n --arg u "$URL/token" '{type:"authorized_user",client_id:"client-1.apps.googleusercontent.com",client_secret:"clientsecret_1234567890",refresh_token:"refreshtoken_1234567890",token_uri:$u,quota_project_id:"demo-lab",account:""}'; }
external() { # CREDENTIAL_SOURCE(JSON) [MORE(JSON)]
    jq -n --argjson s "$1" --argjson m "${2:-null}" --arg a "$PROVIDER" --arg u "$URL/v1/token" '{type:"external_account",audience:$a,
        subject_token_type:"urn:ietf:params:oauth:token-type:id_token",token_url:$u,credential_source:$s} + ($m // {})'
}
impersonation() { echo "$URL/v1/projects/-/serviceAccounts/$EMAIL:generateAccessToken"; }
use() { cat > creds.json; }

@test "anonymous: no token, whatever else is there" {
    gcp open=1; service_account | use
    works '&anonymous=true'
    equal "$(asked /token)" 0
}

@test "STORAGE_EMULATOR_HOST: no token; with and without scheme" {
    gcp open=1; service_account | use
    for h in "$URL" "127.0.0.1:$PORT"; do
        STORAGE_EMULATOR_HOST=$h ATLAS_TEST_STORES=gs://lab run "$ATLAS_BUILD/tests/contract/test_store"
        [ "$status" -eq 0 ]
    done
    equal "$(asked /token)" 0
}

@test "a service account's key: signed as its public key says, one exchange for all requests" {
    gcp; service_account | use; works
    equal "$(asked /token)" "$STORES" # one for each store that the suite opens
    [ "$(asked /storage)" -gt 10 ]
}

@test "a service account's key: another key's signature is refused, in the endpoint's words" {
    gcp; openssl genrsa -out key.pem 2048 2> /dev/null; service_account | use
    fails '' "GOOGLE_APPLICATION_CREDENTIALS" "creds.json" "invalid_grant" "Invalid JWT Signature."
}

@test "private_key_path: a PEM key with access_id, PKCS #8 and PKCS #1, or the JSON file" {
    gcp; openssl rsa -in key.pem -traditional -out pkcs1.pem 2> /dev/null; service_account > sa.json
    works "&private_key_path=$DIR/sa.json&access_id=$EMAIL"
    works "&private_key_path=$DIR/sa.json"
    # The token endpoint of a bare key is Google's own: it cannot be reached from here, but nothing else is asked.
    export HTTPS_PROXY=http://127.0.0.1:1
    for f in key pkcs1; do fails "&private_key_path=$DIR/$f.pem&access_id=$EMAIL" "POST https://oauth2.googleapis.com/token"; done
    fails "&private_key_path=$DIR/key.pem" "$DIR/key.pem: a PEM key needs its account's address"
    fails "&private_key_path=$DIR/public.pem&access_id=$EMAIL" "public.pem: not an RSA private key in PEM format without a password"
    authorized_user > user.json; fails "&private_key_path=$DIR/user.json" "user.json: not the key of a service account"
    fails "&private_key_path=$DIR/none.pem&access_id=$EMAIL" "none.pem"
}

@test "authorized_user: from GOOGLE_APPLICATION_CREDENTIALS and from gcloud's file" {
    gcp; authorized_user | use; works
    unset GOOGLE_APPLICATION_CREDENTIALS; mkdir -p "$HOME/.config/gcloud" cfg
    mv creds.json "$HOME/.config/gcloud/application_default_credentials.json"; works
    mv "$HOME/.config/gcloud/application_default_credentials.json" cfg; CLOUDSDK_CONFIG=$DIR/cfg works
    export GOOGLE_APPLICATION_CREDENTIALS=$DIR/creds.json
    authorized_user | sed s/refreshtoken_1234567890/refreshtoken_old4567890/ | use
    fails '' "Token has been expired or revoked."
}

@test "external_account: the subject token from a file and a URL, as text and as JSON" {
    gcp audience=$PROVIDER
    printf 'subjecttoken_1234567890\n' > subject.txt; echo '{"id_token":"subjecttoken_1234567890"}' > subject.json
    local json='"format":{"type":"json","subject_token_field_name":"id_token"}' h='"headers":{"X-Who":"runner_secret_header"}'
    external "{\"file\":\"$DIR/subject.txt\"}" | use; works
    external "{\"file\":\"$DIR/subject.json\",$json}" | use; works
    external "{\"url\":\"$URL/subject.txt\",$h}" | use; works
    external "{\"url\":\"$URL/subject.json\",$h,$json}" | use; works
    external "{\"file\":\"$DIR/none\"}" | use; fails '' "$DIR/none"
    external "{\"url\":\"$URL/nowhere\",$h}" | use; fails '' "$URL/nowhere: HTTP 404 instead of a subject token"
    external "{\"file\":\"$DIR/subject.txt\",$json}" | use; fails '' 'the subject token is not in a JSON field "id_token"'
    external '{"environment_id":"aws1","url":"http://127.0.0.1/x"}' | use; fails '' 'this kind of credential_source is not supported'
    external '{"executable":{"command":"/bin/true"}}' | use; fails '' 'this kind of credential_source is not supported'
}

@test "external_account: a client's own secret, impersonation with its lifetime" {
    gcp audience=$PROVIDER basic=client-1:clientsecret_1234567890 lifetime=1800
    echo subjecttoken_1234567890 > subject.txt
    local more="{\"client_id\":\"client-1\",\"client_secret\":\"clientsecret_1234567890\",\"service_account_impersonation_url\":\"$(impersonation)\",\"service_account_impersonation\":{\"token_lifetime_seconds\":1800}}"
    external "{\"file\":\"$DIR/subject.txt\"}" "$more" | use; works
    equal "$(asked /v1/token)" "$STORES"; equal "$(asked /v1/projects)" "$STORES"
}

platform() { external null '{"subject_token_type":"urn:ietf:params:oauth:token-type:jwt"}' | jq 'del(.credential_source)'; }
id_token() { # AUDIENCE [EXP]: as a platform gives one out
    local b='base64 -w0'; printf '%s.%s.%s' "$(printf '{"alg":"RS256"}' | $b | tr -d =)" \
        "$(printf '{"aud":"%s","exp":%d,"sub":"x"}' "$1" "${2:-$(($(date +%s) + 300))}" | $b | tr '+/' '-_' | tr -d =)" "$(printf signature_of_it | $b | tr -d =)"
}

@test "the CI platform's own token: GitHub, GitLab with either spelling of the audience, CircleCI, Bitbucket" {
    gcp audience=$PROVIDER; platform | use
    ACTIONS_ID_TOKEN_REQUEST_URL=$URL/oidc?v=1 ACTIONS_ID_TOKEN_REQUEST_TOKEN=requesttoken_1234567890 works
    grep -q '"path": "/oidc", "query": "v=1&audience=%2F%2Fiam.googleapis.com' gcp.log
    ATLAS_GCP_ID_TOKEN=$(id_token "$PROVIDER") works
    ATLAS_GCP_ID_TOKEN=$(id_token "https:$PROVIDER") works
    CIRCLE_OIDC_TOKEN_V2=$(id_token "$PROVIDER") works
    BITBUCKET_STEP_OIDC_TOKEN=$(id_token "$PROVIDER") works
    ATLAS_GCP_ID_TOKEN=$(id_token sts.amazonaws.com) fails '' "GitLab: the token's audience is not \"$PROVIDER\""
    ATLAS_GCP_ID_TOKEN=$(id_token "$PROVIDER" 1) fails '' "the token has expired"
    fails '' "ATLAS_GCP_ID_TOKEN"
}

@test "impersonated_service_account: user and key as source, delegates, a refusal" {
    gcp delegates=projects/-/serviceAccounts/a,projects/-/serviceAccounts/b
    impersonated() { jq -n --argjson s "$1" --arg u "$(impersonation)" '{type:"impersonated_service_account",service_account_impersonation_url:$u,delegates:["projects/-/serviceAccounts/a","projects/-/serviceAccounts/b"],source_credentials:$s}'; }
    impersonated "$(authorized_user)" | use; works
    impersonated "$(service_account)" | use; works
    impersonated null | use; fails '' 'source_credentials: "type" is missing'
    stop_pid gcp.pid; gcp deny=1; impersonated "$(service_account)" | use
    fails '' "Permission 'iam.serviceAccounts.getAccessToken' denied"
}

@test "the metadata server: its flavor, its universe, its silence" {
    unset GOOGLE_APPLICATION_CREDENTIALS; gcp universe=example.test; export GCE_METADATA_HOST=127.0.0.1:$PORT; works
    works '&universe_domain=example.test'
    fails '&universe_domain=other.test' "its account is of example.test, not of other.test"
    stop_pid gcp.pid; gcp hang_metadata=1; GCE_METADATA_HOST=127.0.0.1:$PORT
    SECONDS=0; fails '' "metadata server: GET"; equal "$(asked /computeMetadata)" 2; [ $SECONDS -le 4 ]
}

@test "no credentials: the error says for each source why it did not serve" {
    unset GOOGLE_APPLICATION_CREDENTIALS; gcp; fails '' "no Google Cloud credentials (private_key_path: not in the URL; STORAGE_EMULATOR_HOST: not set; GOOGLE_APPLICATION_CREDENTIALS: not set; gcloud's application-default file: no $HOME/.config/gcloud/application_default_credentials.json; metadata server: GET http://127.0.0.1:1/"
}

@test "tokens and keys go to the provider or stay on the machine" {
    gcp; for u in http://tokens.example/token https://evil.example/token https://googleapis.com.evil.example/token; do
        service_account | jq --arg u "$u" '.token_uri=$u' | use; fails '' "credentials are not sent to ${u%/token}"
    done
    service_account | use
    URL=https://evil.example fails '' "credentials are not sent to https://evil.example"
    URL=http://storage.googleapis.com fails '' "credentials are not sent to http://storage.googleapis.com"
    fails '&universe_domain=evil.example' "the credentials are of googleapis.com, the store is of evil.example"
    equal "$(asked /token)" 2; equal "$(asked /storage)" 0
}

@test "files that cannot be: unknown types, broken JSON, missing fields, circles" {
    gcp
    echo '{"type":"gdch_service_account"}' | use; fails '' 'credentials of type "gdch_service_account" are not supported'
    echo '{"type":"service_account",' | use; fails '' "creds.json"
    service_account | jq 'del(.private_key)' | use; fails '' '"private_key" is missing'
    service_account | jq '.private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"' | use; fails '' 'not an RSA private key'
    jq -n 'def f(n): if n == 0 then {type:"x"} else {type:"impersonated_service_account",service_account_impersonation_url:"https://iamcredentials.googleapis.com/x",source_credentials:f(n-1)} end; f(9)' | use
    fails '' "stand in for one another"
    GOOGLE_APPLICATION_CREDENTIALS=$DIR/none.json fails '' "none.json"
}

@test "a token is renewed five minutes before it ends, and once when it is refused" {
    gcp life=299; service_account | use; works; [ "$(asked /token)" -gt $((2 * STORES)) ]
    stop_pid gcp.pid; gcp life=600; service_account | use; works; equal "$(asked /token)" "$STORES"
    stop_pid gcp.pid; gcp refuse=2; service_account | use; works; equal "$(asked /token)" $((STORES + 1))
    has "$output" "the token was refused; asking for a new one"
    stop_pid gcp.pid; gcp refuse=4; service_account | use # in the middle of a session
    ATLAS_TEST_ONLY=large_object_in_parts ATLAS_TEST_LARGE_MIB=65 contract; [ "$status" -eq 0 ]; equal "$(asked /token)" 2
}
