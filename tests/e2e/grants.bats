#!/usr/bin/env bats
# Grants: jobs go on while the registry cannot be reached. grant-cache.md sections 1 and 2.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; TOKEN=aci_0123456789abcdef0123456789abcdef; }
teardown() { common_teardown; }

tokens_file() { printf 'ci-bot:%s:push\n' "$(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)" > tokens; }
registry() { tokens_file; serve --tokens tokens "$@"; ADDRESS=${REGISTRY#http://}; export ATLAS_TOKEN=$TOKEN; }
again() { # the registry comes back at its old address
    atlas registry serve --store "file://$DIR/registry" --listen "$ADDRESS" --tokens tokens "$@" > serve.log 2>&1 3>&- &
    echo $! > serve.pid; wait_tcp "${ADDRESS##*:}"
}
grant() { ls "$HOME/.atlas/grants"; }
payload() { python3 -c 'import base64,json,sys; p=open(sys.argv[1]).read().split(".")[1]; print(json.dumps(json.loads(base64.urlsafe_b64decode(p+"=="))))' "$HOME"/.atlas/grants/*.jws; }

@test "login, whoami, logout: the token is checked and never printed" {
    registry; unset ATLAS_TOKEN
    run --separate-stderr atlas whoami; [ "$status" -eq 1 ]; equal "$stderr" "Error: command requires 'atlas login'"
    run atlas login --token "$TOKEN"; [ "$status" -eq 0 ]; has "$output" "Org: self-hosted" "User: ci-bot" "Grant expires: "; lacks "$output" "$TOKEN"
    equal "$(stat -c %a "$HOME/.atlas/token" "$HOME"/.atlas/grants/*.jws "$HOME/.atlas/grants" | paste -sd' ')" "600 600 700"
    run atlas whoami --format '{{ .User }}@{{ .Org }}'; equal "$output" "ci-bot@self-hosted"
    run atlas whoami --format '{{ json . }}'; jq -e '.GrantExpires and .URL and (has("TokenExpires") | not)' <<< "$output"
    migrations 1; atlas migrate push app # with the token of the login
    run atlas logout; [ "$status" -eq 0 ]; [ ! -e "$HOME/.atlas/token" ]; [ -z "$(grant)" ]
    run atlas logout; has "$output" "not logged in"
    run --separate-stderr atlas login --token wrong-token-wrong-token-wrong-token; [ "$status" -eq 1 ]; has "$stderr" "Unauthorized"; [ ! -e "$HOME/.atlas/token" ]
    run --separate-stderr atlas login other-org --token "$TOKEN"; [ "$status" -eq 1 ]; has "$stderr" 'belongs to the organisation "self-hosted", not to "other-org"'
}

@test "login: the token comes from standard input, a file or ATLAS_TOKEN" {
    registry; unset ATLAS_TOKEN
    echo "$TOKEN" | atlas login --token - --grant-only; [ ! -e "$HOME/.atlas/token" ]; equal "$(grant | wc -l)" 1; atlas logout; rm -rf "$HOME/.atlas"
    echo "$TOKEN" > t; atlas login --token-file t --grant-only; equal "$(grant | wc -l)" 1; rm -rf "$HOME/.atlas"
    ATLAS_TOKEN=$TOKEN atlas login --grant-only; equal "$(grant | wc -l)" 1
    run --separate-stderr atlas login --token x --token-file t; [ "$status" -eq 1 ]
    run --separate-stderr atlas login --token ''  < /dev/null; [ "$status" -eq 1 ]; has "$stderr" "there is no token"
    # Offline, with a grant: fine. Of another token: an error that names the registry.
    stop_serving
    run --separate-stderr atlas login --token "$TOKEN" --grant-only; [ "$status" -eq 0 ]; has "$stderr" "cannot be reached" "valid until"; has "$output" "User: ci-bot"
    run --separate-stderr atlas login --token "${TOKEN}x" --grant-only; [ "$status" -eq 1 ]; has "$stderr" "127.0.0.1"
}

@test "every run leaves a grant, and renews it only when half of its life is over" {
    registry; migrations 1; atlas migrate push app; payload > first
    jq -e --arg url "$ATLAS_CLOUD_URL" '.v == 1 and .aud == $url and .org == "self-hosted" and .sub == "ci-bot" and .exp - .iat == 2592000 and (.tok | length == 16)' first
    cp "$HOME"/.atlas/grants/*.jws kept; atlas migrate ls --dir atlas://app; cmp kept "$HOME"/.atlas/grants/*.jws
    ATLAS_GRANT_TTL=1ms atlas migrate ls --dir atlas://app # it has expired: a fresh one
    equal "$(payload | jq -r .sub)" ci-bot
    grep -rq "$TOKEN" "$HOME/.atlas" && return 1 || true
}

@test "the registry is down: with a grant a push goes to the backups and an apply comes from them" {
    registry; migrations 2; project "file://$DIR/b1"; atlas migrate push --env ci; stop_serving
    run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 0 ]; has "$stderr" "the grant of its token is valid until"
    ATLAS_REQUIRE_GRANT=1 run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" "t1 t2"
    equal "$(grep -c '^Warning' <<< "$stderr")" 1; has "$stderr" "the grant of its token is valid until"
    # Without one: a warning, or an error where a grant is required.
    rm -rf "$HOME/.atlas"
    run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 0 ]; has "$stderr" "there is no valid grant for this token"
    ATLAS_REQUIRE_GRANT=1 run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" "there is no valid grant for this token"
    ATLAS_REQUIRE_GRANT=1 run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 1 ]
}

@test "a revoked token: the step fails, a tombstone stays, and an old grant put back does not help" {
    registry; migrations 1; project "file://$DIR/b1"; atlas migrate push --env ci
    cp "$HOME"/.atlas/grants/*.jws old.jws
    : > tokens; kill -HUP "$(cat serve.pid)"
    local i; for i in $(seq 100); do grep -q "tokens reloaded" serve.log && break; sleep 0.05; done
    run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 1 ]; has "$stderr" "Unauthorized"
    payload | jq -e .gone
    stop_serving
    run --separate-stderr atlas migrate ls --env prod; has "$stderr" "the registry refused this token before"
    ATLAS_REQUIRE_GRANT=1 run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]
    # The token is good again: a newer grant takes the tombstone's place.
    tokens_file; again; atlas migrate ls --env prod; payload | jq -e '.gone == null'
}

@test "homes that do not serve never fail a step" {
    registry; migrations 1; atlas migrate push app
    HOME= run atlas migrate ls --dir atlas://app; [ "$status" -eq 0 ]
    HOME=/proc/none run atlas migrate ls --dir atlas://app; [ "$status" -eq 0 ]
    ATLAS_HOME=/dev/null run atlas migrate ls --dir atlas://app; [ "$status" -eq 0 ]
    ATLAS_HOME=$DIR/k8s ATLAS_HOME_SUBDIR=shop atlas migrate ls --dir atlas://app; [ -e k8s/shop/grants ]
    printf 'garbage' > "$(ls "$HOME"/.atlas/grants/*.jws)"; run atlas migrate ls --dir atlas://app; [ "$status" -eq 0 ]
    payload | jq -e .exp # and is replaced by a good one
    ln -sf /etc/passwd "$(ls "$HOME"/.atlas/grants/*.jws)"; run atlas migrate ls --dir atlas://app; [ "$status" -eq 0 ]
    ATLAS_HOME_SUBDIR=../up run --separate-stderr atlas login --token "$TOKEN"; [ "$status" -eq 1 ]; has "$stderr" "leaves the home"
}

@test "signed grants: the registry's own grant, two live keys, and a pinned one" {
    atlas registry key new > one; atlas registry key new > two
    sed -nE '2s/^ +//p' one > keys; sed -nE '2s/^ +//p' two >> keys; local public other; public=$(sed -nE '4s/^ +//p' one); other=$(sed -nE '4s/^ +//p' two)
    registry --sign-key "$DIR/keys"
    equal "$(curl -s "$REGISTRY/.well-known/jwks.json" | jq -r '[.keys[] | .kty + .crv + .alg] | join(" ")')" "OKPEd25519EdDSA OKPEd25519EdDSA"
    migrations 1; project "file://$DIR/b1"; sed -i "1i atlas {\n  cloud {\n    token = getenv(\"ATLAS_TOKEN\")\n    key   = \"$public\"\n  }\n}" atlas.hcl
    atlas migrate push --env ci; payload | jq -e --arg k "$public" '.key == $k and (.reg | split(".") | length == 3)'
    # python3 has no Ed25519 of its own: openssl is the judge.
    payload | jq -r .reg | tr -d '\n' > reg; printf %s "$(cut -d. -f1,2 reg)" > body
    python3 -c 'import base64,sys; s=open("reg").read().split(".")[2]; open("sig","wb").write(base64.urlsafe_b64decode(s+"=="))
k=base64.b64decode(sys.argv[1].split(":")[1]); open("pub.der","wb").write(bytes.fromhex("302a300506032b6570032100")+k)' "$public"
    openssl pkeyutl -verify -pubin -inkey pub.der -keyform DER -rawin -in body -sigfile sig
    stop_serving; export ATLAS_REQUIRE_GRANT=signed
    run atlas migrate ls --env prod; [ "$status" -eq 0 ]
    sed -i "s#$public#$other#" atlas.hcl # another pinned key: not with this grant
    run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" "is not signed with the key that atlas { cloud { key } } pins"
    # Rotation: the second key signs now, the first is still published.
    sed -i '1{h;d};${G}' keys; again --sign-key "$DIR/keys"; rm -rf "$HOME/.atlas"; atlas migrate ls --env prod
    payload | jq -e --arg k "$other" '.key == $k'; stop_serving; run atlas migrate ls --env prod; [ "$status" -eq 0 ]
    printf 'bad-key-material-1\n' > bad; run --separate-stderr atlas registry serve --store "file://$DIR/registry" --sign-key bad --listen 127.0.0.1:0
    [ "$status" -eq 1 ]; has "$stderr" "this line is no private key"; lacks "$stderr" bad-key-material
}

@test "signed grants: a registry without a key leaves none, and signed is then not to be had" {
    registry; migrations 1; project "file://$DIR/b1"; atlas migrate push --env ci; payload | jq -e 'has("reg") | not'
    stop_serving; ATLAS_REQUIRE_GRANT=signed run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" "is not signed with the key"
}

@test "with a good grant the check and the first request travel together" {
    migrations 1; cloud together; atlas migrate push app:v1 # leaves a grant
    local i; for i in 1 2 3 4 5; do
        : > cloud.log; atlas migrate push app:v1; equal "$(jq -r .op cloud.log | sort | paste -sd' ')" "Bot pushDir"
    done
}

@test "an older signed ref that is put back is refused: the grant remembers how far it was" {
    registry; atlas registry key new > one; local public; public=$(sed -nE '4s/^ +//p' one); ATLAS_SIGN_KEY=$(sed -nE '2s/^ +//p' one); export ATLAS_SIGN_KEY
    migrations 1; project "file://$DIR/b1" "file://$DIR/b2"; sed -i "s#backup = #verify = [\"$public\"]\n      backup = #" atlas.hcl
    atlas migrate push --env ci; cp -r b1 old
    echo 'CREATE TABLE more (x int);' > migrations/20270101000000_more.sql; atlas migrate hash; atlas migrate push --env ci
    payload | jq -e '.seen["app/refs/tags/latest"] == 2'
    rm -rf b1; cp -r old b1; stop_serving # well signed, and a push behind
    run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 0 ]; has "$output" more
    has "$stderr" "file://$DIR/b1: skipped: tag latest is an older one (seq 1) than was seen before (2)" "file://$DIR/b2 serves"
    rm -rf b2; run --separate-stderr atlas migrate ls --env prod; [ "$status" -eq 1 ]; has "$stderr" "is an older one"
}
