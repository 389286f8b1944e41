#!/usr/bin/env bats
# Azure Blob Storage, against Azurite; the official client is the second opinion.
load common

setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    export AZ_DIR=$(mktemp -d /tmp/atlas-azure-XXXXXX) AZURITE=$ATLAS_ROOT/tests/servers/azurite
    "$AZURITE" install || return 1
    local p s
    mkdir -p "$AZ_DIR/plain" "$AZ_DIR/tls/tls"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$AZ_DIR/tls/tls/key.pem" -out "$AZ_DIR/tls/tls/cert.pem" 2>/dev/null
    for s in plain tls; do
        p=$(free_port)
        "$AZURITE" start "$AZ_DIR/$s" "$p" || return 1
        export "AZ_${s^^}=$p"
    done
    export AZURE_TEST_KEY=$("$AZURITE" key) AZURE_TEST_SERVICE=http://127.0.0.1:$AZ_PLAIN/labacct
    client create lab
    NODE_EXTRA_CA_CERTS=$AZ_DIR/tls/tls/cert.pem AZURE_TEST_SERVICE=https://127.0.0.1:$AZ_TLS/labacct client create lab
}
teardown_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    "$AZURITE" stop "$AZ_DIR/plain"; "$AZURITE" stop "$AZ_DIR/tls"
    rm -rf "$AZ_DIR"
}
client() { "$ATLAS_ROOT/tests/servers/azurite" node "$ATLAS_ROOT/tests/servers/azure-client.mjs" "$@"; }

setup() {
    common_setup
    local v
    for v in $(compgen -e | grep -E '^(AZURE_(STORAGE|CLIENT|TENANT|FEDERATED|AUTHORITY|POD)|IDENTITY_|ATLAS_AZURE)'); do unset "$v"; done
    export AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:1 # no instance metadata here
}
teardown() { common_teardown; }

with_key() { export AZURE_STORAGE_ACCOUNT=labacct AZURE_STORAGE_KEY=$AZURE_TEST_KEY; }
with_sas() { export AZURE_STORAGE_ACCOUNT=labacct AZURE_STORAGE_SAS_TOKEN; AZURE_STORAGE_SAS_TOKEN=$(client sas lab "$@"); }
url() { echo "azblob://lab/$BATS_SUITE_TEST_NUMBER-$RANDOM?domain=127.0.0.1:${1:-$AZ_PLAIN}&protocol=${2:-http}"; }
contract() { ATLAS_TEST_STORES=$1 "$ATLAS_BUILD/tests/contract/test_store" 2>&1; }
connection() { echo "DefaultEndpointsProtocol=http;AccountName=labacct;AccountKey=$AZURE_TEST_KEY;BlobEndpoint=$AZURE_TEST_SERVICE;"; }
front() { : > front.log; start_tool front azure-front "$DIR/front.port" "$AZ_PLAIN" "$1" "$DIR/front.log"; }
push_fails() { # URL: a push to it fails; $output says how
    migrations 1; project "url=$1"
    ATLAS_HTTP_RETRIES=1 run atlas migrate push --env ci
    [ "$status" -eq 1 ] || { echo "$output"; return 1; }
}
no_signature() { # the output holds neither the key nor any signature
    lacks "$output" "$AZURE_TEST_KEY" && lacks "$output" "SharedKey labacct" || return 1
    local sig=${AZURE_STORAGE_SAS_TOKEN##*sig=}; sig=${sig%%&*}
    [ -z "$sig" ] || { lacks "$output" "$sig" && lacks "$output" "$(printf '%b' "${sig//%/\\x}")"; }
}

@test "contract: account key" { with_key; contract "$(url)"; }

@test "contract: SAS token" { with_sas rcwl 60; contract "$(url)"; }

@test "contract: connection string, by either variable" {
    AZURE_STORAGE_CONNECTION_STRING=$(connection) contract "azblob://lab/c1"
    AZURE_STORAGEBLOB_CONNECTIONSTRING="BlobEndpoint=$AZURE_TEST_SERVICE/;SharedAccessSignature=$(client sas lab rcwl 60)" \
        contract "azureblob://lab/c2?storage_account=labacct"
}

@test "contract: an emulator named by the environment" {
    with_key
    AZURE_STORAGE_DOMAIN=127.0.0.1:$AZ_PLAIN AZURE_STORAGE_IS_LOCAL_EMULATOR=true contract azblob://lab/emu
    AZURE_STORAGE_DOMAIN=127.0.0.1:$AZ_PLAIN AZURE_STORAGE_PROTOCOL=http contract azblob://lab/emu
    # cdn: the account's name is not added to what the domain says
    contract "azblob://lab/cdn?cdn=true&protocol=http&domain=127.0.0.1:$AZ_PLAIN/labacct"
}

@test "the URL goes before the environment" {
    with_key
    export AZURE_STORAGE_ACCOUNT=other AZURE_STORAGE_DOMAIN=127.0.0.1:1 AZURE_STORAGE_PROTOCOL=https AZURE_STORAGE_IS_LOCAL_EMULATOR=false
    AZURE_STORAGE_CONNECTION_STRING=$(connection) contract "$(url)&storage_account=labacct"
    push_fails "$(url)&storage_account=third" # the variables' key is of another account
    has "$output" "connection string: AZURE_STORAGE_CONNECTION_STRING is not set" "AZURE_STORAGE_ACCOUNT is other, not third"
}

@test "256 MiB with less than 64 MiB of memory, in blocks that carry MD5" {
    with_key
    ATLAS_TEST_BIG=1 contract "$(url)"
    run client show lab /big
    has "$output" '"size":268435456' '"blocks":16' '"md5":true'
}

@test "the official client reads what was written, and its block lists are read" {
    with_key; migrations 3
    local u; u=$(url); local prefix=${u#azblob://lab/}; prefix=${prefix%%\?*}
    project "url=$u"
    atlas migrate push --env ci
    run client show lab "$prefix/app/refs/tags/latest"
    has "$output" '"cache":"no-store"' '"md5":true'
    [ "$(client copy lab "$prefix/" "$prefix-copy/")" -ge 4 ]
    project "url=${u/$prefix/$prefix-copy}"
    atlas migrate apply --env prod
    equal "$(tables app.db)" "t1 t2 t3"
    atlas registry verify --env prod app
}

@test "a wrong key is refused, and shown nowhere" {
    with_key; export AZURE_STORAGE_KEY=d3JvbmdrZXl3cm9uZ2tleXdyb25na2V5
    push_fails "$(url)"
    has "$output" "HTTP 403" "Server failed to authenticate the request"
    lacks "$output" d3Jvbmd; no_signature
    export AZURE_STORAGE_KEY='not*base64*at*all'
    push_fails "$(url)"
    has "$output" "the account key of AZURE_STORAGE_KEY is not base64"
    lacks "$output" 'not*base64'
}

@test "an expired SAS token" {
    with_sas rcwl -60
    push_fails "$(url)"
    has "$output" "Server failed to authenticate the request" "(the SAS token ended at 20"
    no_signature
}

@test "a SAS token without write permission" {
    with_sas rl 60
    push_fails "$(url)"
    has "$output" "AuthorizationPermissionMismatch" "(the SAS token allows sp=rl)"
    no_signature
}

@test "a missing container, and no account" {
    with_key
    push_fails "azblob://nowhere/x?domain=127.0.0.1:$AZ_PLAIN&protocol=http"
    has "$output" "ContainerNotFound"
    unset AZURE_STORAGE_ACCOUNT
    push_fails "azblob://lab/x"
    has "$output" "the storage account is not known"
}

@test "no credentials: every source says why" {
    export AZURE_STORAGE_ACCOUNT=labacct
    push_fails "$(url)"
    has "$output" "no Azure credentials" "connection string: AZURE_STORAGE_CONNECTION_STRING is not set" \
        "account key: AZURE_STORAGE_KEY is not set" "SAS token: AZURE_STORAGE_SAS_TOKEN is not set" \
        "client secret: AZURE_CLIENT_SECRET is not set" "workload identity: AZURE_TENANT_ID is not set" "managed identity: "
}

@test "URLs that are refused" {
    with_key
    local u
    push_fails "azblob://lab/x?domain=blob.example.com&protocol=http"; has "$output" "plain http to labacct.blob.example.com"
    push_fails "azblob://lab/x?storage_account=evil.example.com/"; has "$output" "is not a name of lower-case"
    push_fails "azblob://lab/x?domain=example.com/x.blob.core.windows.net&cdn=maybe"; has "$output" 'parameter "cdn" is "maybe"'
    push_fails "azblob://lab/x?anonymous=true"; has "$output" 'unknown query parameter "anonymous"'
    AZURE_STORAGE_CONNECTION_STRING="AccountName=labacct;AccountKeyabc" push_fails "azblob://lab/x"
    has "$output" "part 2 is not NAME=VALUE"; lacks "$output" AccountKeyabc
}

@test "a SAS token is not sent to a host that only the URL names" {
    export AZURE_STORAGE_ACCOUNT=labacct AZURE_STORAGE_SAS_TOKEN="sv=1&sp=r&sig=c2VjcmV0c2lnbmF0dXJl"
    push_fails "azblob://lab/x?domain=blob.example.com"
    has "$output" "the SAS token is not sent to labacct.blob.example.com"
    no_signature
    push_fails "azblob://lab/x?domain=example.com/x.blob.core.windows.net"
    has "$output" "the SAS token is not sent to labacct.example.com"
}

@test "a clock that is an hour off" {
    with_key; front skew
    contract "$(url "$PORT")"
    [ "$(grep -c ' 403' front.log)" -le 46 ] # once per store that was opened, and the 40 that were under way in one
}

@test "ServerBusy is tried again, and told without the SAS token's signature" {
    with_sas rcwl 60; front busy
    output=$(ATLAS_TEST_DEBUG=1 contract "$(url "$PORT")")
    has "$output" "HTTP 503" "sig=***" && no_signature
    [ "$(grep -c ' 503' front.log)" -ge 3 ]
}

@test "listings in pages" {
    with_sas rcwl 60; front pages
    contract "$(url "$PORT")"
    [ "$(grep -c 'GET /labacct/lab ' front.log)" -gt 14 ] # 40 names, three at a time
}

@test "a refusal that quotes signatures is not repeated" {
    with_key; front quote
    push_fails "$(url "$PORT")"
    has "$output" "AuthenticationFailed: Server said AuthenticationFailed."
    lacks "$output" "MAC signature"; no_signature
    unset AZURE_STORAGE_KEY; with_sas rcwl 60
    push_fails "$(url "$PORT")"; no_signature
}

# --- Entra: https, tokens of tests/servers/azure-tokens ------------------------------------------

tokens() { # [MODE]
    start_tool tokens azure-tokens "$DIR/tokens.port" "$DIR" "$@"
    export AZURE_STORAGE_ACCOUNT=labacct SSL_CERT_FILE=$AZ_DIR/tls/tls/cert.pem TOKENS=http://127.0.0.1:$PORT
}
entra() { tokens "$@"; export AZURE_AUTHORITY_HOST=$TOKENS AZURE_TENANT_ID=lab-tenant AZURE_CLIENT_ID=lab-client; }
bearer() { # the whole contract with a bearer token, as loud as can be; no token is ever shown
    ATLAS_TEST_DEBUG=1 contract "$(url "$AZ_TLS" https)" > out.txt || { cat out.txt; return 1; }
    no_tokens "$(cat out.txt)"
}
no_tokens() { local t; while read -r t; do lacks "$1" "$t" || return 1; done < azure.secrets; lacks "$1" "lab~client"; }
asked() { grep -c "$1" azure.log; }

@test "Entra: client secret" {
    entra; export AZURE_CLIENT_SECRET='lab~client+secret/value='
    bearer
    equal "$(asked '^with a secret')" 6 # once per store that was opened
    export AZURE_CLIENT_SECRET='lab~client-wrong'
    push_fails "$(url "$AZ_TLS" https)"
    has "$output" "client secret" "AADSTS7000215"
    no_tokens "$output"
}

@test "Entra: a token that the store refuses is renewed once" {
    entra stale; export AZURE_CLIENT_SECRET='lab~client+secret/value='
    bearer
    equal "$(asked '^with a secret')" 7
}

@test "Entra: a token that ends in the middle of an upload in blocks" {
    export FRONT_SAS; FRONT_SAS=$(client sas lab rcwl 60)
    entra; export AZURE_CLIENT_SECRET='lab~client+secret/value='
    front expire
    contract "$(url "$PORT")"
    equal "$(asked '^with a secret')" 7
    [ "$(grep -c ' 401$' front.log)" -ge 1 ]
}

@test "Entra: workload identity, its file read anew at each renewal" {
    entra rotate; export AZURE_FEDERATED_TOKEN_FILE=$DIR/assertion
    bearer
    [ "$(asked '^with assertion')" -gt 6 ]
    equal "$(grep '^with assertion' azure.log | sort | uniq -d)" ""
    rm assertion
    push_fails "$(url "$AZ_TLS" https)"
    has "$output" "workload identity: AZURE_FEDERATED_TOKEN_FILE"
}

@test "Entra: the OIDC token of a GitHub job, of a GitLab job" {
    entra
    ACTIONS_ID_TOKEN_REQUEST_URL="$TOKENS/github?x=1" ACTIONS_ID_TOKEN_REQUEST_TOKEN=lab-request-token bearer
    [ "$(asked 'with assertion github')" -ge 1 ]
    ATLAS_AZURE_ID_TOKEN=$(cat assertion) bearer
    [ "$(asked 'with assertion a1')" -ge 1 ]
}

@test "Entra: managed identity of a machine, of an App Service" {
    tokens
    AZURE_POD_IDENTITY_AUTHORITY_HOST=$TOKENS bearer
    [ "$(asked 'identity of the system')" -ge 1 ]
    AZURE_POD_IDENTITY_AUTHORITY_HOST=$TOKENS AZURE_CLIENT_ID=lab-client bearer
    [ "$(asked 'identity lab-client')" -ge 1 ]
    IDENTITY_ENDPOINT=$TOKENS/msi/token IDENTITY_HEADER=lab-identity-header bearer
    [ "$(asked 'GET /msi/token 200')" -ge 1 ]
}

@test "Entra: a machine without an identity" {
    tokens gone; export AZURE_POD_IDENTITY_AUTHORITY_HOST=$TOKENS
    push_fails "$(url "$AZ_TLS" https)"
    has "$output" "managed identity: " "Identity not found"
    AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:1 IDENTITY_ENDPOINT=http://example.com/token IDENTITY_HEADER=lab-identity-header \
        push_fails "$(url "$AZ_TLS" https)"
    has "$output" "IDENTITY_ENDPOINT is neither https nor on this machine"
    lacks "$output" lab-identity-header
}

@test "Entra: secrets go neither to other hosts nor after redirects" {
    entra redirect; export AZURE_CLIENT_SECRET='lab~client+secret/value='
    push_fails "$(url "$AZ_TLS" https)"
    has "$output" "307"
    equal "$(asked elsewhere)" 0
    AZURE_AUTHORITY_HOST=http://login.example.com push_fails "$(url "$AZ_TLS" https)"
    has "$output" "login.example.com"
    no_tokens "$output"
}

@test "TLS with an unknown CA" {
    with_key
    push_fails "$(url "$AZ_TLS" https)"
    has "$output" "certificate"
}
