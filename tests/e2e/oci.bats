#!/usr/bin/env bats
# OCI registries as primary and backup, on docker-registry: open, with a password, with tokens.
load common
bats_require_minimum_version 1.5.0
OCI=$ATLAS_ROOT/tests/servers/oci

setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    "$OCI" install
    export OCI_DIR=$BATS_FILE_TMPDIR/oci OCI_OPEN OCI_BASIC OCI_TOKEN p
    local d
    mkdir -p "$OCI_DIR"/{open,basic,token}
    OCI_OPEN=$(free_port); "$OCI" start "$OCI_DIR/open" "$OCI_OPEN"
    OCI_BASIC=$(free_port); "$OCI" start "$OCI_DIR/basic" "$OCI_BASIC" htpasswd
    "$OCI" keys "$OCI_DIR/token"
}
teardown_file() { local d; for d in open basic token; do "$OCI" stop "$OCI_DIR/$d"; done; }
setup() { common_setup; unset ATLAS_TOKEN ATLAS_OCI_USERNAME ATLAS_OCI_PASSWORD DOCKER_CONFIG; NS=n$BATS_TEST_NUMBER; }
teardown() { common_teardown; [ ! -d reg ] || "$OCI" stop "$DIR/reg"; }

open_url() { echo "oci+http://127.0.0.1:$OCI_OPEN/$NS"; }
basic_url() { echo "oci+http://${1-lab:labpw@}127.0.0.1:$OCI_BASIC/$NS"; }
contract() { ATLAS_TEST_REGISTRY=$1 ATLAS_TEST_ONLY=${2:-} "$ATLAS_BUILD/tests/contract/test_registry" 2>&1; }
fails() { run -1 "$@"; } # COMMAND...
push_fails() { [ -d migrations ] || migrations 1; project "url=$1"; fails atlas migrate push --env ci; }
no_secret() { lacks "$output" labpw; lacks "$output" "$(printf lab:labpw | base64)"; }
front() { : > front.log; start_tool front oci-front "$DIR/front.port" "$OCI_BASIC" "$DIR/front.log" "$1"; FRONT=oci+http://lab:labpw@127.0.0.1:$PORT/$NS; }
tokens() { # [MODE]: a registry of its own that wants tokens
    mkdir -p reg; cp "$OCI_DIR"/token/*.pem reg/; : > reg/tokens.log
    start_tool tokens oci-tokens "$DIR/tokens.port" "$DIR/reg" "$@"
    local p; p=$(free_port)
    "$OCI" start "$DIR/reg" "$p" token "http://127.0.0.1:$PORT/token"
    HOST=127.0.0.1:$p; TOKENS=oci+http://lab:labpw@$HOST/$NS
}
no_tokens() { local t; while read -r t; do lacks "$1" "$t" || return 1; done < reg/tokens.secrets; }
moved_over() { project "url=$1"; rm -f app.db; atlas migrate apply --env prod; equal "$(tables app.db)" "${2:-t1 t2 t3}"; }
docker_config() { mkdir -p "$HOME/.docker"; cat > "$HOME/.docker/config.json"; }

@test "contract of targets: directory" { "$ATLAS_BUILD/tests/contract/test_registry"; }
@test "contract of targets: S3 on Swift, which has no conditional writes" { use_swift; contract "$(bucket "$SWIFT_URL")"; }
@test "contract of targets: S3 on Ceph, which has them" { use_rgw; contract "$(bucket "$RGW_URL")"; }
@test "contract of targets: OCI, open" { contract "$(open_url)"; }
@test "contract of targets: OCI at the root of a registry, with a password" { contract "oci+http://lab:labpw@127.0.0.1:$OCI_BASIC"; }

@test "push, apply, tags, versions, verify, list and describe" {
    migrations 3; project "url=$(open_url)"
    run -0 atlas migrate push --env ci app:v1
    run -0 atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2 t3"
    rm app.db; sed -i 's#atlas://app#atlas://app?tag=v1#' atlas.hcl
    run -0 atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2 t3"
    rm app.db; sed -i 's#atlas://app?tag=v1#atlas://app?version=20260101000000#' atlas.hcl
    run -0 atlas migrate apply --env prod; equal "$(tables app.db)" "t1"
    run -0 atlas registry verify --env ci app
    has "$output" "tag v1" "tag latest" "version 20260103000000"
    run -0 curl -sf "http://127.0.0.1:$OCI_OPEN/v2/$NS/app/tags/list"
    has "$output" '"atlas.repository"' '"atlas.v.20260103000000"' '"latest"' '"v1"' '"atlas.deployment.'
}

@test "OCI as primary with a backup in S3: outage, pending push, sync" { use_rgw; both_ways "$(open_url)" "$(bucket "$RGW_URL")"; }
@test "S3 as primary with a backup in OCI: outage, pending push, sync" { use_rgw; both_ways "$(bucket "$RGW_URL")" "$(basic_url)"; }
both_ways() { # PRIMARY BACKUP
    migrations 2; project "url=$1" "$2"
    run -0 atlas migrate push --env ci app:v1
    migrations 3
    ATLAS_SIMULATE=primary:down run -0 atlas migrate push --env ci
    ATLAS_SIMULATE=primary:503 run -0 atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2 t3"
    run -1 atlas registry verify --env ci app; has "$output" pending; no_secret
    run -0 atlas registry sync --env ci app; no_secret
    run -0 atlas registry verify --env ci app
    moved_over "$1"; moved_over "$2"
}

@test "a wrong password is refused and shown nowhere" {
    push_fails "$(basic_url lab:wrongpassword@)"
    has "$output" "HTTP 401 UNAUTHORIZED" "the credentials of the URL were not accepted" "oci+http://***@127.0.0.1"
    lacks "$output" wrongpassword; lacks "$output" "$(printf lab:wrongpassword | base64)"
    push_fails "$(basic_url '')"
    has "$output" "no credentials (URL: it has none; docker config file" "config.json: not there; environment: ATLAS_OCI_USERNAME is not set)"
}

@test "credentials from the docker config file: auth, username and password, helpers" {
    migrations 1; project "url=$(basic_url '')"
    docker_config <<< "{\"auths\":{\"http://127.0.0.1:$OCI_BASIC/v1/\":{\"auth\":\"$(printf lab:labpw | base64)\"}}}"
    run -0 atlas migrate push --env ci
    docker_config <<< "{\"auths\":{\"127.0.0.1:$OCI_BASIC\":{\"username\":\"lab\",\"password\":\"labpw\"}}}"
    run -0 atlas migrate push --env ci app:v2
    mkdir other; mv "$HOME/.docker/config.json" other/
    DOCKER_CONFIG=$DIR/other run -0 atlas migrate push --env ci app:v3
    docker_config <<< '{"auths":{"registry.example.com":{"auth":"bGFiOmxhYnB3"}}}'
    fails atlas migrate push --env ci; has "$output" "auths has no credentials for 127.0.0.1:$OCI_BASIC"
    docker_config <<< '{"credsStore":"desktop"}'
    fails atlas migrate push --env ci; has "$output" "credsStore and credHelpers are not supported, only auths"
    docker_config <<< '{"auths":'
    fails atlas migrate push --env ci; has "$output" "config.json: not JSON"
    ATLAS_OCI_USERNAME=lab ATLAS_OCI_PASSWORD=labpw run -0 atlas migrate push --env ci app:v4
    ATLAS_OCI_USERNAME=lab fails atlas migrate push --env ci; has "$output" "ATLAS_OCI_PASSWORD is not set"
    ATLAS_OCI_USERNAME=lab ATLAS_OCI_PASSWORD=falsefalse fails atlas migrate push --env ci
    has "$output" "the credentials of ATLAS_OCI_USERNAME were not accepted"; lacks "$output" falsefalse
}

@test "tokens: asked for once a scope, never shown" {
    tokens
    ATLAS_TEST_DEBUG=1 contract "$TOKENS" '*latest*' > out.txt || { cat out.txt; return 1; }
    no_tokens "$(cat out.txt)"; lacks "$(cat out.txt)" labpw
    equal "$(sed -E 's/acme|t[0-9a-f]{8}/X/' reg/tokens.log | sort | uniq -c | awk '{print $1, $3, $4, $5}')" \
"1 repository:$NS/X/app:pull lab 200
1 repository:$NS/X/app:pull,push lab 200"
}

@test "tokens: without credentials what is public can be read, and not written" {
    tokens; migrations 2; project "url=$TOKENS"
    run -0 atlas migrate push --env ci
    project "url=oci+http://$HOST/$NS"
    run -0 atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2"
    run -0 grep -c ":pull anonymous 200" reg/tokens.log
    fails atlas migrate push --env ci app:v2
    has "$output" "no credentials (URL: it has none"
    project "url=oci+http://lab:wrongpassword@$HOST/$NS"
    fails atlas migrate push --env ci
    has "$output" "the credentials of the URL were not accepted" "token endpoint 127.0.0.1: HTTP 401"; lacks "$output" wrongpassword
}

@test "tokens: an identity token of the docker config file" {
    tokens; migrations 1; project "url=oci+http://$HOST/$NS"
    docker_config <<< "{\"auths\":{\"$HOST\":{\"identitytoken\":\"lab-identity-token\"}}}"
    run -0 atlas migrate push --env ci
    run -0 grep -c "^POST repository:$NS/app:pull,push identity 200" reg/tokens.log
    docker_config <<< "{\"auths\":{\"$HOST\":{\"identitytoken\":\"wrong-identity-token\"}}}"
    fails atlas migrate push --env ci; lacks "$output" wrong-identity
}

@test "tokens: renewed before they end, and once when refused" {
    tokens short
    contract "$TOKENS" '*latest*'
    [ "$(grep -c ':pull,push lab 200' reg/tokens.log)" -ge 2 ]
    stop_pid tokens.pid; "$OCI" stop "$DIR/reg"; rm -rf reg
    tokens over; migrations 1; project "url=$TOKENS"
    run -0 atlas migrate push --env ci
    equal "$(grep -c ':pull lab 200' reg/tokens.log)" 2
}

@test "a token endpoint on another host gets no credentials" {
    front realm
    push_fails "$FRONT"
    has "$output" "token endpoint localhost: HTTP 401" "the credentials of the URL were not sent to localhost"; no_secret
    run -0 grep "elsewhere GET /token bare" front.log
    run -1 grep "elsewhere .* auth" front.log
}

@test "uploads and downloads on another host get no credentials" {
    front elsewhere
    contract "$FRONT" '*latest*'
    run -0 grep -c "elsewhere PUT .* bare 201" front.log
    run -0 grep -c "elsewhere GET .* bare 200" front.log
    run -1 grep "elsewhere .* auth" front.log
}

@test "lists in pages" { front pages; contract "$FRONT" '*names*'; contract "$FRONT" '*describe*'; [ "$(grep -c 'GET .*/tags/list' front.log)" -ge 3 ]; }

@test "lists that do not end, or go on elsewhere" {
    front loop; migrations 1; project "url=$FRONT"
    run -1 atlas registry verify --env ci app; has "$output" "does not end"
    stop_pid front.pid; front away; project "url=$FRONT"
    run -1 atlas registry verify --env ci app; has "$output" "goes on at another host"
}

@test "a registry that slows clients down" { front busy; contract "$FRONT" '*latest*'; [ "$(grep -c ' 429$' front.log)" -ge 3 ]; }

@test "a registry without a catalog: all but lists" {
    front nocatalog
    contract "$FRONT" '*latest*'
    migrations 1; project "url=$FRONT"
    run -0 atlas migrate push --env ci
    run -0 atlas cloud repo describe --slug app --env ci
    run -1 atlas cloud repo list --env ci; has "$output" "the registry does not list its repositories"
    atlas registry serve --store "$FRONT" --listen 127.0.0.1:0 --single-writer > serve.log 2>&1 3>&- &
    echo $! > serve.pid
    local i; for i in $(seq 200); do grep -q '^serving' serve.log && break; sleep 0.05; done
    has "$(cat serve.log)" "the registry does not list its repositories" "serving"
}

@test "damaged bytes are found, and served by a backup" {
    migrations 2; project "url=$(basic_url)" "file://$DIR/backup"
    run -0 atlas migrate push --env ci
    front damage; project "url=$FRONT" "file://$DIR/backup"
    run -0 atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2"
    has "$output" "digest is sha256:"
    run -1 atlas registry verify --env ci app; has "$output" damaged
}

@test "a page that is no registry's is eligible for the backups" {
    front html; migrations 1; project "url=$FRONT" "file://$DIR/backup"
    run -0 atlas migrate push --env ci; has "$output" "HTTP 404 Not Found: <html>"
    run -0 atlas migrate apply --env prod
}

@test "a registry that is gone" {
    migrations 1; project "url=oci+http://127.0.0.1:1/x" "file://$DIR/backup"
    run -0 atlas migrate push --env ci; has "$output" "oci+http://127.0.0.1:1/x" "marked as pending"
    run -0 atlas migrate apply --env prod; equal "$(tables app.db)" t1
}

@test "256 MiB with less than 64 MiB of memory, in parts" {
    ATLAS_TEST_BIG=1 contract "$(basic_url)"
}

@test "an upload that is cut off in the middle begins anew" {
    front drop
    ATLAS_TEST_BIG=1 contract "$FRONT"
    equal "$(grep -c 'POST .*/blobs/uploads/' front.log)" 4 # the document, the manifest, the artifact twice
}

@test "two processes push one tag at the same time" {
    migrations 1; project "url=$(open_url)"; run -0 atlas migrate push --env ci
    mkdir a b; local d round
    for round in 1 2 3; do
        for d in a b; do (cd $d && rm -rf migrations && mkdir migrations && echo "CREATE TABLE $d$round (x int);" > migrations/1_$d.sql && atlas migrate hash && cp ../atlas.hcl . &&
            atlas migrate push --env ci app:race > out.txt 2>&1; echo $? > rc) & eval "$d=\$!"; done
        wait "$a"; wait "$b"
        equal "$(cat a/rc b/rc)" $'0\n0' || { cat a/out.txt b/out.txt; return 1; }
        run -0 atlas registry verify --env ci app
        sed 's#atlas://app#atlas://app?tag=race#' atlas.hcl > race.hcl; rm -f app.db
        run -0 atlas migrate apply --env prod -c "file://race.hcl"
        tables app.db | grep -qx "[ab]$round"
    done
}

@test "oras and skopeo read what was written" {
    migrations 3; project "url=$(open_url)"
    run -0 atlas migrate push --env ci app:v1
    local ref=127.0.0.1:$OCI_OPEN/$NS/app
    "$OCI" oras manifest fetch --plain-http "$ref:v1" > manifest.json
    equal "$(jq -r '.artifactType, .config.mediaType, .layers[0].mediaType, .annotations["org.opencontainers.image.version"], .annotations["dev.atlas-action.seq"]' manifest.json)" \
"application/vnd.atlas.migrations.v1.tar
application/vnd.atlas.manifest.v1+json
application/vnd.atlas.migrations.v1.tar
20260103000000
1"
    mkdir out; run -0 "$OCI" oras pull --plain-http -o out "$ref:v1"
    equal "sha256:$(sha256sum < out/migrations.tar | cut -d' ' -f1)" "$(jq -r .layers[0].digest manifest.json)"
    run -0 "$OCI" oras pull --plain-http -o out "$ref:atlas.repository"
    equal "$(jq -r .type out/repository.json)" MIGRATION_DIRECTORY
    run -0 skopeo inspect --raw --tls-verify=false "docker://$ref:v1"; equal "$(jq -r .artifactType <<< "$output")" application/vnd.atlas.migrations.v1.tar
    local t # a copy made by another client serves as well
    for t in latest atlas.v.20260103000000 atlas.repository; do
        run -0 skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$ref:$t" "docker://127.0.0.1:$OCI_OPEN/$NS-copy/app:$t"
    done
    moved_over "$(open_url)-copy"
    run -0 atlas registry verify --env ci app
}

@test "an artifact that oras pushed in our form is read" {
    migrations 3; project "url=$(open_url)"
    run -0 atlas migrate push --env ci app:v1
    local at="127.0.0.1:$OCI_OPEN/$NS"
    run -0 "$OCI" oras pull --plain-http -o . --config config.json "$at/app:v1"
    "$OCI" oras manifest fetch-config --plain-http "$at/app:v1" > config.json
    theirs() { "$OCI" oras push --plain-http --config "$1:application/vnd.atlas.manifest.v1+json" --artifact-type application/vnd.atlas.migrations.v1.tar \
        "${@:2}" "$at-theirs/app:latest" migrations.tar:application/vnd.atlas.migrations.v1.tar; }
    run -0 theirs config.json --annotation dev.atlas-action.seq=7
    moved_over "$(open_url)-theirs"
    run -0 atlas registry verify --env ci app
    run -0 theirs config.json
    run -1 atlas migrate apply --env prod; has "$output" "its seq is out of range"
    jq . config.json > pretty.json
    run -0 theirs pretty.json --annotation dev.atlas-action.seq=8
    run -1 atlas migrate apply --env prod; has "$output" "its config is not in canonical JSON"
}

@test "registry serve on OCI" {
    atlas registry serve --store "$(basic_url)" --listen 127.0.0.1:0 --single-writer > serve.log 2>&1 3>&- &
    echo $! > serve.pid
    local i; for i in $(seq 200); do grep -q '^serving' serve.log && break; sleep 0.05; done
    export ATLAS_CLOUD_URL ATLAS_TOKEN=aci_test_token
    ATLAS_CLOUD_URL=$(sed -nE 's/.* at (http:[^ ]*\/query).*/\1/p' serve.log)
    migrations 3; project
    run -0 atlas migrate push --env ci app:v1
    run -0 atlas migrate apply --env prod; equal "$(tables app.db)" "t1 t2 t3"
    run -0 atlas cloud repo list; has "$output" app
    lacks "$(cat serve.log)" labpw
    unset ATLAS_TOKEN; moved_over "$(basic_url)"
}

@test "URLs that are refused" {
    push_fails "oci+http://registry.example.com/x"; has "$output" "oci+http:// speaks to this machine only, and registry.example.com is another"
    push_fails "$(open_url)?region=x"; has "$output" 'unknown query parameter "region" of an oci:// URL'
    push_fails "$(open_url)/Upper"; has "$output" 'cannot be a repository of an OCI registry'
    push_fails "oci:///x"; has "$output" "the URL names no registry"
    push_fails "oci+http://sometoken@127.0.0.1/x"; has "$output" "the URL names a user without a token"; lacks "$output" sometoken
}
