#!/usr/bin/env bats
# Repositories: serve, push, read, verify, sync. registry-storage.md as a user sees it.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; }
teardown() { common_teardown; }

ref() { jq -c "$3" "$1/app/refs/$2"; } # STORE REF FILTER
blobs() { ls "$1/app/blobs/sha256"; }
damage() { local f; for f in "$1"/app/blobs/sha256/*; do printf x | dd of="$f" bs=1 seek=600 conv=notrunc status=none; done; }
ops() { jq -r .op cloud.log | paste -sd' '; }
add() { printf 'CREATE TABLE t%s (x int);\n' "$1" > "migrations/202602$1.sql"; atlas migrate hash; }
api() { curl -s -m 20 -o body -w '%{http_code}' "$@"; } # prints the status

@test "file store: objects obey the umask; what is no file is no object" {
    migrations 1; project "url=file://registry"
    (umask 027; atlas migrate push --env ci)
    equal "$(stat -c %a registry/app/refs/tags/latest registry/app/blobs/sha256/* | paste -sd' ')" "640 640"
    rm registry/app/refs/tags/latest; mkfifo registry/app/refs/tags/latest
    run --separate-stderr timeout 5 atlas migrate ls --dir atlas://app --env ci; [ "$status" -eq 1 ] # never waits for a writer
}

# --- serve ----------------------------------------------------------------------------------------

@test "serve: tokens, roles, reload, refusals" {
    local i t; : > tokens
    for r in read push admin; do
        t=$(atlas registry token new --name "ci-$r" --role $r)
        echo "$t" | sed -nE 's/^token: //p' > $r.token; echo "$t" | sed -nE 's/^line for the tokens file: //p' >> tokens
        [[ $(cat $r.token) =~ ^[A-Za-z0-9_-]{43}$ ]]
    done
    [[ $(tail -1 tokens) =~ ^ci-admin:[0-9a-f]{64}:admin$ ]]
    migrations 1; serve --tokens tokens; local q='{"query":"query Bot { me { name } }"}'
    equal "$(api -d "$q" $REGISTRY/query)" 401; has "$(jq -r '.errors[0].message' body)" "unauthorized"
    equal "$(api -H 'Authorization: Bearer wrong' -d "$q" $REGISTRY/query)" 401
    equal "$(api -H "Authorization: Bearer $(cat read.token)" -d "$q" $REGISTRY/query)" 200; equal "$(jq -r .data.me.name body)" ci-read
    ATLAS_TOKEN=$(cat read.token) run --separate-stderr atlas migrate push app:v1
    [ "$status" -eq 1 ]; has "$stderr" "forbidden: the token may only read"
    ATLAS_TOKEN=$(cat push.token) run atlas migrate push app:v1; [ "$status" -eq 0 ]
    ATLAS_TOKEN=$(cat read.token) run atlas migrate ls --dir 'atlas://app?tag=v1'; [ "$status" -eq 0 ]
    ATLAS_TOKEN=wrong run --separate-stderr atlas migrate push app:v1; [ "$status" -eq 1 ]; equal "$stderr" "Error: Unauthorized"
    sed -i '/ci-read/d' tokens; kill -HUP "$(cat serve.pid)"
    for i in $(seq 100); do grep -q "tokens reloaded" serve.log && break; sleep 0.05; done
    equal "$(api -H "Authorization: Bearer $(cat read.token)" -d "$q" $REGISTRY/query)" 401
    echo broken >> tokens; kill -HUP "$(cat serve.pid)"
    for i in $(seq 100); do grep -q "was not reloaded" serve.log && break; sleep 0.05; done
    has "$(cat serve.log)" "tokens:3:1"
    equal "$(api -H "Authorization: Bearer $(cat push.token)" -d "$q" $REGISTRY/query)" 200
    for t in read push admin; do ! grep -q -- "$(cat $t.token)" serve.log; done
}

@test "serve: what is asked wrongly" {
    serve; local a='Authorization: Bearer x'
    equal "$(api -H "$a" -d '{"query":"{ nope }"}' $REGISTRY/query)" 200; equal "$(jq -r '.errors[0].message' body)" 'this registry does not know the operation "nope"'
    equal "$(api -H "$a" -d '{nope' $REGISTRY/query)" 400
    equal "$(api -H "$a" -d '[]' $REGISTRY/query)" 200; has "$(cat body)" errors
    equal "$(api -H "$a" $REGISTRY/query)" 405
    equal "$(api -H "$a" $REGISTRY/other)" 404
    equal "$(api $REGISTRY/healthz)" 200; equal "$(cat body)" ok
    equal "$(api $REGISTRY/metrics)" 401
    equal "$(api -H "$a" $REGISTRY/metrics)" 200; has "$(cat body)" "atlas_registry_requests_total"
    equal "$(api -H "$a" -d "$(printf '[%.0s' $(seq 100))" $REGISTRY/query)" 400
    equal "$(api -H "$a" -H 'Content-Length: 99999999999' -d x $REGISTRY/query)" 413
    equal "$(api -H "$a" -d '{"query":"{ dirState }","variables":{"input":{"slug":"nope"}}}' $REGISTRY/query)" 200; equal "$(jq -r '.errors[0].message' body)" "not found"
    equal "$(api -H "$a" -d '{"query":"{ dirState }","variables":{"input":{"slug":"../../etc"}}}' $REGISTRY/query)" 200; has "$(cat body)" "slug must be lowercase"
    equal "$(api -H "$a" -d '{"query":"{ pushDir }","variables":{"input":{"slug":"app","tag":"x","dir":"%%%"}}}' $REGISTRY/query)" 200; has "$(cat body)" base64
    equal "$(api -H "$a" -d '{"query":"{ pushDir }","variables":{"input":{"slug":"app","tag":"x","dir":"bm90IGEgdGFy"}}}' $REGISTRY/query)" 200; has "$(cat body)" errors
    equal "$(find registry -name '*app*')" ""
}

@test "serve: headers that trickle are cut off after 10 s, others do not suffer" {
    serve; local i rc port; port=$(port_of "$REGISTRY"); SECONDS=0
    exec 7<> "/dev/tcp/127.0.0.1/$port"
    printf 'POST /query HTTP/1.1\r\nHost: x\r\n' >&7
    for i in $(seq 14); do
        printf 'X' >&7 2> /dev/null || break
        equal "$(api $REGISTRY/healthz)" 200
        rc=0; read -r -t 1 -n 1 -u 7 || rc=$?
        [ "$rc" -gt 128 ] || break # over 128: the time is up, the connection is not
    done
    exec 7>&-
    [ "$SECONDS" -ge 9 ]; [ "$SECONDS" -le 12 ]
}

@test "serve: refuses what would be open to the world; stops gracefully" {
    run --separate-stderr atlas registry serve --store file://r --listen 0.0.0.0:0; [ "$status" -eq 1 ]; has "$stderr" "Error: --listen 0.0.0.0:0 is not a loopback address and there is no --tokens file: anybody could push"
    echo "a:$(printf x | sha256sum | cut -d' ' -f1):read" > tokens
    run --separate-stderr atlas registry serve --store file://r --listen 0.0.0.0:0 --tokens tokens; [ "$status" -eq 1 ]; has "$stderr" "would carry tokens in clear text"
    run --separate-stderr atlas registry serve --store file://r --listen nonsense; [ "$status" -eq 1 ]; has "$stderr" '--listen "nonsense" has no port'
    run --separate-stderr atlas registry serve --store 'file://r?x=1' --listen 127.0.0.1:0; [ "$status" -eq 1 ]; has "$stderr" '"x"'
    run --separate-stderr atlas registry serve --store ftp://b --listen 127.0.0.1:0; [ "$status" -eq 1 ]
    run --separate-stderr atlas registry serve --store file://r --listen 127.0.0.1:0 --tokens nofile; [ "$status" -eq 1 ]; has "$stderr" nofile
    serve
    run --separate-stderr atlas registry serve --store file://r --listen "127.0.0.1:$(port_of "$REGISTRY")"; [ "$status" -eq 1 ]; has "$stderr" "Address already in use"
    local pid; pid=$(cat serve.pid); kill -TERM "$pid"; wait "$pid"
}

@test "serve: a store without conditional writes wants --single-writer" {
    use_swift; local store; store=$(bucket "$SWIFT_URL")
    run --separate-stderr timeout 20 atlas registry serve --store "$store" --listen 127.0.0.1:0
    [ "$status" -eq 1 ]; has "$stderr" "the store has no conditional writes"
    atlas registry serve --store "$store" --listen 127.0.0.1:0 --single-writer > serve.log 2>&1 3>&- & echo $! > serve.pid
    local i; for i in $(seq 200); do grep -q '^serving' serve.log && break; sleep 0.05; done
    REGISTRY=$(sed -nE 's/.* at (http:[^ ]*)\/query/\1/p' serve.log); export ATLAS_CLOUD_URL=$REGISTRY/query ATLAS_TOKEN=aci_test_token
    migrations 1; atlas migrate push app; run atlas migrate ls --dir atlas://app; [ "$status" -eq 0 ]
}

@test "serve: restarts on the same store, and a bucket written without it can be served" {
    migrations 1; serve; atlas migrate push app:v1; stop_serving; serve
    equal "$(atlas migrate ls --dir 'atlas://app?tag=v1')" 20260101000000_step1.sql
    stop_serving; unset ATLAS_TOKEN; project "url=file://registry"; add 01
    run atlas migrate push --env ci; [ "$status" -eq 0 ]
    serve; equal "$(atlas migrate ls --dir atlas://app -l)" 20260201.sql
}

# --- push and read --------------------------------------------------------------------------------

@test "push to the registry, two directories and both S3 servers; every copy is the same" {
    migrations 2; serve; use_rgw
    local s3; s3=$(bucket "$RGW_URL")
    project file://b1 file://b2 "$s3"
    run --separate-stderr atlas migrate push --env ci --format '{{ json . }}'
    echo "$stderr"; [ "$status" -eq 0 ]
    equal "$(jq -c '[.Slug,.URL,.Link,(.Backups|map(.URL)),.Warnings]' <<< "$output")" "[\"app\",\"atlas://app\",\"$REGISTRY/dirs/app\",[\"file://b1\",\"file://b2\",\"$s3\"],null]"
    local digest; digest=$(jq -r .Digest <<< "$output")
    equal "$(blobs registry) $(blobs b1) $(blobs b2)" "${digest#sha256:} ${digest#sha256:} ${digest#sha256:}"
    equal "$(sha256sum < "b1/app/blobs/sha256/${digest#sha256:}")" "${digest#sha256:}  -"
    equal "$(AWS_ACCESS_KEY_ID=$RGW_KEY AWS_SECRET_ACCESS_KEY=$RGW_SECRET "$ATLAS_ROOT/tests/support/s3" GET "${s3/s3:\/\/lab\//$RGW_URL/lab/}" > /dev/null; echo $?)" 1
    run atlas registry verify --env ci; echo "$output"; [ "$status" -eq 0 ]
    use_swift; project file://b1 "$(bucket "$SWIFT_URL")"
    run atlas migrate push --env ci; echo "$output"; [ "$status" -eq 0 ]; equal "$output" "$REGISTRY/dirs/app"
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
    run atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" "t1 t2"
    has "$(ls registry/app/deployments)" .json
}

@test "the same directory has the same digest everywhere; layout of a store" {
    migrations 2; project file://b1
    atlas migrate push --env ci > /dev/null; local one; one=$(blobs b1)
    mkdir other; cp -r migrations atlas.hcl other/; touch -d 2001-01-01 other/migrations/*; chmod 600 other/migrations/*
    (cd other && umask 077 && TZ=Asia/Tokyo atlas migrate push --env ci > /dev/null); equal "$(blobs other/b1)" "$one"
    equal "$(cd b1 && find . -type f ! -name '.*' | sed -E 's/[0-9a-f]{64}/H/' | sort | uniq -c | sed 's/^ *//')" "1 ./app/blobs/sha256/H
1 ./app/manifests/sha256/H
1 ./app/refs/tags/latest
1 ./app/refs/versions/20260102000000
1 ./repositories/app.json"
    equal "$(jq -c 'del(.created_at)' b1/repositories/app.json)" '{"layout":1,"slug":"app","title":"app","type":"MIGRATION_DIRECTORY"}' || \
        equal "$(jq -c 'del(.created_at)' b1/repositories/app.json)" '{"driver":"sqlite","layout":1,"slug":"app","title":"app","type":"MIGRATION_DIRECTORY"}'
    equal "$(ref b1 tags/latest '[.layout,.seq,.pending_primary,.manifest.kind,.manifest.slug,.manifest.version,.manifest.media_type,.manifest.digest]')" "[1,1,null,\"migrations\",\"app\",\"20260102000000\",\"application/vnd.atlas.migrations.v1.tar\",\"sha256:$one\"]"
    [[ $(ref b1 tags/latest .manifest.pushed_at) =~ ^\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\"$ ]]
    local m; m=$(ls b1/app/manifests/sha256); equal "$(jq -cS .manifest b1/app/refs/tags/latest | tr -d '\n' | sha256sum | cut -d' ' -f1)" "$m"
    equal "$(sha256sum < "b1/app/manifests/sha256/$m" | cut -d' ' -f1)" "$m"
    mkdir x; tar -xf "b1/app/blobs/sha256/$one" -C x; diff -r migrations x
}

@test "tags, latest, versions, digests" {
    migrations 1; project file://b1 file://b2; export ENV=ci
    atlas migrate push app:v1 --env ci >/dev/null; add 01; atlas migrate push app:v2 --env ci > /dev/null
    ls() { atlas migrate ls --env ci -l --dir "$1"; }
    equal "$(ls 'atlas://app?tag=v1')" 20260101000000_step1.sql
    equal "$(ls 'atlas://app?tag=v2')" 20260201.sql
    equal "$(ls atlas://app)" 20260101000000_step1.sql
    atlas migrate push app --env ci > /dev/null; equal "$(ls atlas://app)" 20260201.sql
    equal "$(ls 'atlas://app?version=20260101000000')" 20260101000000_step1.sql
    add 02; add 03; atlas migrate push app --env ci > /dev/null
    equal "$(ls 'atlas://app?version=20260202')" 20260202.sql
    equal "$(ls "atlas://app?digest=$(ref b1 tags/v1 .manifest.digest | tr -d \")")" 20260101000000_step1.sql
    run ls 'atlas://app?tag=nope'; [ "$status" -eq 1 ]; has "$output" "not found" || has "$output" "does not have it"
    run ls 'atlas://app?version=19990101'; [ "$status" -eq 1 ]
    run ls 'atlas://app?what=1'; [ "$status" -eq 1 ]; has "$output" '"what"'
    run ls "atlas://app?digest=sha256:$(printf '0%.0s' $(seq 64))"; [ "$status" -eq 1 ]
    run atlas migrate push 'app:Bad Tag' --env ci; [ "$status" -eq 1 ]; has "$output" "tag must be lowercase alphanumeric"
    run atlas migrate push 'Bad Slug' --env ci; [ "$status" -eq 1 ]; has "$output" "slug must be lowercase alphanumeric and may contain /.-_"
    equal "$(command ls b1/app/refs/tags | paste -sd' ')" "latest v1 v2"
}

@test "a version keeps its first content; tags move" {
    migrations 1; project file://b1; atlas migrate push app:a --env ci >/dev/null; local first; first=$(ref b1 versions/20260101000000 .manifest.digest)
    echo '-- other bytes' >> migrations/*.sql; atlas migrate hash
    run --separate-stderr atlas migrate push app:a --env ci; [ "$status" -eq 0 ]; has "$stderr" "version 20260101000000 exists with other content" "only tags were moved"
    equal "$(ref b1 versions/20260101000000 .manifest.digest)" "$first"
    [ "$(ref b1 tags/a .manifest.digest)" != "$first" ]; equal "$(ref b1 tags/a .seq)" 2
    run --separate-stderr atlas migrate push app:a --env ci; [ "$status" -eq 0 ]
}

@test "registry down: the backups take the push, exit 0, one warning, marked; sync brings it home" {
    migrations 1; serve; project file://b1 file://b2; atlas migrate push --env ci > /dev/null; stop_serving
    add 01; export ATLAS_HTTP_RETRIES=2 ATLAS_HTTP_TIMEOUT=3
    run --separate-stderr atlas migrate push --env ci
    [ "$status" -eq 0 ]; equal "$output" "atlas://app"
    equal "$(grep -c . <<< "$stderr")" 1; has "$stderr" "Warning: the registry $ATLAS_CLOUD_URL could not be written"
    equal "$(ref b1 tags/latest .pending_primary) $(ref b2 tags/latest .pending_primary)" "true true"
    run --separate-stderr atlas migrate apply --env prod
    [ "$status" -eq 0 ]; equal "$(tables app.db)" "t01 t1"; has "$stderr" "$ATLAS_CLOUD_URL failed" "file://b1 serves sha256:"
    run --separate-stderr atlas migrate apply --env prod --format '{{ json . }}'
    [ "$status" -eq 0 ]; equal "$stderr" ""; has "$(jq -c .Warnings <<< "$output")" "failed"
    local url=$ATLAS_CLOUD_URL; serve
    run --separate-stderr atlas migrate ls --dir atlas://app --env prod
    [ "$status" -eq 0 ]; equal "$output" 20260101000000_step1.sql; has "$stderr" "holds a push that the registry missed" "registry sync"
    run atlas registry verify --env ci; [ "$status" -eq 1 ]; has "$output" pending
    run atlas registry sync --env ci; echo "$output"; [ "$status" -eq 0 ]
    equal "$(ref b1 tags/latest .pending_primary) $(ref b2 tags/latest .pending_primary)" "null null"
    equal "$(atlas migrate ls -l --dir atlas://app --env prod)" 20260201.sql
    run atlas registry verify --env ci; echo "$output"; [ "$status" -eq 0 ]
}

@test "damaged, missing and unreadable copies: the next serves, the damage is told" {
    migrations 1; serve; project file://b1 file://b2; atlas migrate push --env ci > /dev/null; stop_serving
    export ATLAS_HTTP_RETRIES=1 ATLAS_HTTP_TIMEOUT=3; damage b1
    run --separate-stderr atlas migrate apply --env prod
    [ "$status" -eq 0 ]; equal "$(tables app.db)" t1; has "$stderr" "file://b1: skipped" "file://b2 serves"
    rm b1/app/blobs/sha256/*; run --separate-stderr atlas migrate ls --dir atlas://app --env prod; [ "$status" -eq 0 ]; has "$stderr" "file://b1: skipped"
    echo '{nope' > b1/app/refs/tags/latest; run --separate-stderr atlas migrate ls --dir atlas://app --env prod; [ "$status" -eq 0 ]
    damage b2
    run --separate-stderr atlas migrate ls --dir atlas://app --env prod
    [ "$status" -eq 1 ]; equal "$output" ""; has "$stderr" "$ATLAS_CLOUD_URL" file://b1 file://b2
}

@test "primary up with a damaged blob: a backup serves the very same digest" {
    migrations 1; project url=file://primary file://b1; atlas migrate push --env ci > /dev/null; damage primary
    run --separate-stderr atlas migrate apply --env prod
    [ "$status" -eq 0 ]; equal "$(tables app.db)" t1; has "$stderr" "file://primary" "file://b1 serves sha256:"
    rm -r b1; rm -f app.db
    run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 1 ]; [ ! -e app.db ] || equal "$(tables app.db)" ""
}

@test "all targets failed: one error names every one" {
    migrations 1; : > f1; : > f2; project file://f1 file://f2
    export ATLAS_TOKEN=aci_x ATLAS_CLOUD_URL=http://127.0.0.1:1/query ATLAS_HTTP_RETRIES=1
    run --separate-stderr atlas migrate push --env ci
    [ "$status" -eq 1 ]; equal "$output" ""; equal "$(grep -c . <<< "$stderr")" 1
    has "$stderr" "Error: no target took the push: " http://127.0.0.1:1/query file://f1 file://f2
    run --separate-stderr atlas migrate apply --env prod
    [ "$status" -eq 1 ]; has "$stderr" http://127.0.0.1:1/query file://f1 file://f2
}

@test "a refused token is final: no backup is written, none is read" {
    echo "a:$(printf x | sha256sum | cut -d' ' -f1):push" > tokens; migrations 1; serve --tokens tokens; project file://b1
    ATLAS_TOKEN=x run atlas migrate push --env ci; [ "$status" -eq 0 ]; add 01
    local before; before=$(cat b1/app/refs/tags/latest)
    run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 1 ]; equal "$stderr" "Error: Unauthorized"
    equal "$(cat b1/app/refs/tags/latest)" "$before"
    run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 1 ]; has "$stderr" Unauthorized; [ ! -e app.db ] || equal "$(tables app.db)" ""
}

@test "the greatest ref serves, and the backups that are behind are named" {
    migrations 1; project file://b1 file://b2; atlas migrate push --env ci > /dev/null
    project file://b2; add 01; atlas migrate push --env ci > /dev/null; project file://b1 file://b2
    run --separate-stderr atlas migrate ls -l --dir atlas://app --env prod
    [ "$status" -eq 0 ]; equal "$output" 20260201.sql; has "$stderr" "behind this copy: file://b1"
    run atlas registry verify --env ci --format '{{ json . }}'
    [ "$status" -eq 1 ]; equal "$(jq -c '[.Slug,(.Targets[]|[.URL,(.Refs[]|[.Name,.Status])])]' <<< "$output")" '["app",["file://b1",["tag latest","stale"],["version 20260101000000","ok"],["version 20260201","missing"]],["file://b2",["tag latest","ok"],["version 20260101000000","ok"],["version 20260201","ok"]]]'
    run atlas registry sync --env ci; [ "$status" -eq 0 ]
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
}

@test "one kind a slug" {
    migrations 1; project file://b1; atlas migrate push --env ci > /dev/null
    sed -i 's/MIGRATION_DIRECTORY/SCHEMA/' b1/repositories/app.json
    run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 1 ]; has "$stderr" 'repository "app" holds a schema, not a migration directory'
}

@test "a higher layout is not touched" {
    migrations 1; project file://b1 file://b2; atlas migrate push --env ci > /dev/null; local before
    sed -i 's/"layout":1/"layout":2/g' b1/app/refs/tags/latest b1/repositories/app.json; before=$(cat b1/app/refs/tags/latest)
    run --separate-stderr atlas migrate ls --env prod --dir atlas://app; [ "$status" -eq 0 ]
    add 01; run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 0 ]; has "$stderr" file://b1 layout
    equal "$(cat b1/app/refs/tags/latest)" "$before"
}

@test "min_copies" {
    migrations 1; : > f; project file://b1 file://f
    run atlas migrate push --env ci; [ "$status" -eq 0 ]
    run --separate-stderr atlas migrate push --env ci --min-copies 2; [ "$status" -eq 1 ]; has "$stderr" "1 of 2 targets took the push, min_copies wants 2"
    sed -i 's/backup =/min_copies = 2\n      backup =/' atlas.hcl
    run atlas migrate push --env ci; [ "$status" -eq 1 ]
}

@test "verify and sync: missing, damaged, stale copies and a lost primary" {
    migrations 1; project url=file://p file://b1 file://b2; atlas migrate push app:v1 --env ci > /dev/null; add 01; atlas migrate push --env ci > /dev/null
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
    damage b1; rm -r b2/app/refs/tags/v1 b2/app/manifests
    run atlas registry verify --env ci; echo "$output"; [ "$status" -eq 1 ]; has "$output" "damaged" "missing" "some copies are not whole"
    run atlas registry verify app --env ci --format '{{ range .Targets }}{{ range .Refs }}{{ .Status }} {{ end }}{{ end }}'; [ "$status" -eq 1 ]; has "$output" damaged missing
    run atlas registry sync --env ci; echo "$output"; [ "$status" -eq 0 ]
    run atlas registry verify --env ci; echo "$output"; [ "$status" -eq 0 ]
    run atlas registry sync --env ci; [ "$status" -eq 0 ]; lacks "$output" copied
    rm -r p
    run atlas registry verify --env ci; [ "$status" -eq 1 ]; has "$output" missing
    run atlas registry sync --env ci --from file://b2; echo "$output"; [ "$status" -eq 0 ]
    run atlas registry verify --env ci; [ "$status" -eq 0 ]
    equal "$(atlas migrate ls --env ci --dir 'atlas://app?tag=v1')" 20260101000000_step1.sql
    run atlas registry verify; [ "$status" -eq 1 ]; has "$output" "no repository is named"
    run atlas registry sync --env ci --from file://nowhere; [ "$status" -eq 1 ]
}

@test "two pushes at once: both end well and the copies agree" {
    migrations 1; project url=file://p file://b1; mkdir two; cp -r migrations two/; printf 'CREATE TABLE o (x int);\n' > two/migrations/20260301.sql; atlas migrate hash --dir file://two/migrations
    local i pids=
    for i in 1 2 3 4; do
        atlas migrate push app --env ci > "o$i" 2>&1 & pids+=" $!"
        atlas migrate push app --env ci --dir file://two/migrations > "p$i" 2>&1 & pids+=" $!"
    done
    for i in $pids; do wait "$i"; done
    equal "$(ref p tags/latest .manifest.digest)" "$(ref b1 tags/latest .manifest.digest)" || atlas registry sync --env ci
    run atlas registry verify --env ci; echo "$output"; cat o* p?; [ "$status" -eq 0 ]
}

# --- a cloud --------------------------------------------------------------------------------------

@test "cloud: requests and their order" {
    migrations 2; cloud ok; export ATLAS_HOME=/dev/null # without a grant the check goes first
    run --separate-stderr atlas migrate push app:v1 --dev-url sqlite://dev --context '{"repo":"r","scmType":"GITHUB"}'; [ "$status" -eq 0 ]; equal "$output" https://acme.example/dirs/1
    equal "$(ops)" "Bot pushDir"; [ ! -e dev ]
    equal "$(tail -1 cloud.log | jq -c '[.input.slug,.input.tag,.input.driver,.auth,.path]')" '["app","v1","SQLITE","Bearer aci_test_token","/"]'
    [[ $(tail -1 cloud.log | jq -r .agent) =~ ^Atlas/v[0-9.]+\ \(linux/(amd64|arm64) ]]
    mkdir x; tail -1 cloud.log | jq -r .input.dir | base64 -d | tar -x -C x; diff -r migrations x
    : > cloud.log; run atlas migrate push app --dev-url sqlite://dev --context '{"repo":"r"}'; [ "$status" -eq 0 ]
    equal "$(ops)" "Bot dirState diffSyncDir"; equal "$(tail -1 cloud.log | jq -c '[.input.slug,.input.driver,.input.delete,.input.context]')" '["app","SQLITE",[],{"repo":"r"}]'
    : > cloud.log; run atlas migrate apply --dir atlas://app --url sqlite://a.db; [ "$status" -eq 0 ]; equal "$(ops)" "Bot dirState"
    project; : > cloud.log; run atlas migrate apply --env prod --context '{"triggerType":"KUBERNETES","triggerVersion":"v1"}'; [ "$status" -eq 0 ]
    equal "$(ops)" "Bot dirState ReportMigration"; has "$output" https://acme.example/deployments/1
    equal "$(tail -1 cloud.log | jq -c '.input|[.projectName,.envName,.dirName,.target.schema,.target.url,.fromVersion,.toVersion,.currentVersion,(.files|length),(.files[0]|[.name,.skipped,.applied]),.context,.dryRun,.error]')" \
        '["default","prod","app","main","sqlite://app.db","","20260102000000","20260102000000",2,["20260101000000_step1.sql",0,2],{"triggerType":"KUBERNETES","triggerVersion":"v1"},null,null]'
    has "$(tail -1 cloud.log | jq -r .input.log)" "Migrating to version 20260102000000"
    equal "$(sqlite3 app.db "select description from atlas_schema_revisions where version='.atlas_cloud_identifier'")" "$(tail -1 cloud.log | jq -r .input.target.id)"
    : > cloud.log; run --separate-stderr atlas migrate apply --env prod --format '{{ json . }}'; [ "$status" -eq 0 ]; equal "$(ops)" "Bot dirState ReportMigration"; lacks "$output" acme.example
    run atlas migrate status --env prod; [ "$status" -eq 0 ]; has "$output" "Migration Status: OK"
}

@test "cloud: the action's push is one of latest and one of the tag" {
    migrations 1; cloud ok
    run env ATLAS_INPUT_DIR_NAME=app ATLAS_INPUT_TAG=v1 atlas-action --action migrate/push; [ "$status" -eq 0 ]
    equal "$(ops)" "Bot dirState diffSyncDir pushDir"; has "$output" "url=https://acme.example/dirs/1"
}

@test "cloud: a failed apply is reported; a failed report does not fail the apply" {
    migrations 1; cloud ok; echo 'BAD;' > migrations/20260301.sql; atlas migrate hash; atlas migrate push app > /dev/null; project; : > cloud.log
    run atlas migrate apply --env prod; [ "$status" -eq 1 ]
    equal "$(tail -1 cloud.log | jq -c '.input|[.error,.currentVersion,.files[1].error]')" '["sql/migrate: executing statement \"BAD;\" from version \"20260301\": near \"BAD\": syntax error","20260101000000",{"stmt":"BAD;","text":"near \"BAD\": syntax error"}]'
    stop_pid cloud.pid; rm migrations/20260301.sql; atlas migrate hash; export ATLAS_HTTP_RETRIES=1
    cloud ok; atlas migrate push app > /dev/null; local state; state=$(ls)
    stop_pid cloud.pid; project file://b1; unset ATLAS_TOKEN; atlas migrate push --env ci > /dev/null; export ATLAS_TOKEN=aci_x; rm -f app.db
    run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" t1
}

@test "cloud: what falls back and what is final" {
    migrations 1; project file://b1; unset ATLAS_TOKEN; atlas migrate push --env ci > /dev/null
    export ATLAS_HTTP_RETRIES=2 ATLAS_HTTP_TIMEOUT=2
    eligible() { # TEXT MODE...
        cloud "${@:2}"; rm -f app.db
        run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 0 ] || { echo "${*:2}: $stderr"; return 1; }
        has "$stderr" "$1" "file://b1 serves"; equal "$(tables app.db)" t1
        run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 0 ] || { echo "push ${*:2}: $stderr"; return 1; }
        has "$stderr" "could not be written"; stop_pid cloud.pid
    }
    final() {
        cloud "${@:2}"; rm -f app.db; local before; before=$(cat b1/app/refs/tags/latest)
        run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 1 ] || { echo "${*:2}: fell back"; return 1; }
        has "$stderr" "$1"; [ ! -e app.db ] || equal "$(tables app.db)" ""
        run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 1 ] || { echo "push ${*:2}: fell back"; return 1; }
        equal "$(cat b1/app/refs/tags/latest)" "$before"; stop_pid cloud.pid
    }
    eligible "unexpected error code 500" status 500
    eligible "unexpected error code 503" status 503
    eligible "429" status 429
    eligible "" html
    eligible "decoding response" garbage
    eligible "" empty
    eligible "" hang
    eligible "variable.input internal error" gql "internal error"
    final "Unauthorized" status 401
    final "403" status 403
    final "400" status 400
    cloud notfound; run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 0 ] || { [ "$status" -eq 1 ]; has "$stderr" "not found"; }
}

@test "cloud: 429 with Retry-After is waited for" {
    migrations 1; cloud retry 2
    run --separate-stderr atlas migrate push app:v1; [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(ops)" "Bot Bot Bot pushDir"
}

@test "cloud: not found is final, unless a backup holds a pending push" {
    migrations 1; export ATLAS_HTTP_RETRIES=1; project file://b1
    unset ATLAS_TOKEN; atlas migrate push --env ci > /dev/null; cloud ok
    run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 1 ]; has "$stderr" "not found"
    stop_pid cloud.pid; add 01; run atlas migrate push --env ci; [ "$status" -eq 0 ]; equal "$(ref b1 tags/latest .pending_primary)" true
    cloud ok; run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" "t01 t1"
    run atlas registry sync --env ci; echo "$output"; [ "$status" -eq 0 ]; equal "$(ref b1 tags/latest .pending_primary)" null
    has "$(ops)" diffSyncDir
}

@test "verify and sync say what is not there: a wrong name, lost copies, damage that nobody may mend" {
    migrations 1; project "url=file://$DIR/registry" "file://$DIR/b1"; atlas migrate push --env ci
    run --separate-stderr atlas registry verify shpo --env ci; [ "$status" -eq 1 ]; has "$stderr" 'no target holds a repository "shpo"'
    mv registry r; mv b1 b; run --separate-stderr atlas registry verify --env ci; [ "$status" -eq 1 ]; has "$stderr" 'no target holds a repository "app"'
    run atlas registry sync --env ci; [ "$status" -eq 1 ]; mv b b1
    run atlas registry sync --env ci; [ "$status" -eq 1 ]; has "$output" "only copies have it; --from URL brings it" # a lost primary
    atlas registry sync --env ci --from "file://$DIR/b1"; run atlas registry verify --env ci; [ "$status" -eq 0 ]
    echo '{' > registry/app/refs/tags/latest; run atlas registry sync --env ci; [ "$status" -eq 1 ]; has "$output" "failed       tag latest" "--from URL"
    atlas registry sync --env ci --from "file://$DIR/b1"; rm registry/repositories/app.json b1/repositories/app.json
    atlas registry sync --env ci; [ -e registry/repositories/app.json ]; [ -e b1/repositories/app.json ]
}

@test "a first push to a new primary makes latest there; impossible min_copies are refused before anything is written" {
    migrations 1; project "file://$DIR/b1"; atlas migrate push --env ci
    project "url=file://$DIR/registry" "file://$DIR/b1"; atlas migrate push app:v1 --env ci; [ -e registry/app/refs/tags/latest ]
    rm -rf registry; run --separate-stderr atlas migrate push --env ci --min-copies 3; [ "$status" -eq 1 ]; has "$stderr" "min_copies is 3, and there are 2 targets"; [ ! -e registry ]
}

@test "serve: inputs of other types, other kinds, several selectors; tokens are one line; reports hide passwords" {
    serve; migrations 1; atlas migrate push app; local a='Authorization: Bearer x' q='query dirState($input: DirStateInput!) { dirState(input: $input) { content } }'
    ask() { api -H "$a" -d "{\"query\":\"$1\",\"variables\":{\"input\":$2}}" $REGISTRY/query; }
    for i in '{"slug":"app","tag":7}' '{"slug":"app","tag":["t"]}' '{"slug":"app","version":1}' '{"slug":"app","tag":"v\u0000x"}' '{"slug":"app","tag":"a","version":"1"}'; do
        ask "$q" "$i"; has "$(jq -r '.errors[0].message' body)" invalid
    done
    equal "$(ask 'query schemaState { schemaState { hcl } }' '{"slug":"none"}')" 404; [ ! -s body ]
    ask 'query schemaState { schemaState { hcl } }' '{"slug":"app"}'; has "$(jq -r '.errors[0].message' body)" "holds a migrations artifact"
    ask 'mutation ReportMigration { reportMigration { url } }' '{"dirName":"app","target":{"id":"db","url":"mysql://u:hunter2hunter2@h/x"}}'
    ! grep -rq hunter2 "$DIR/registry/app/deployments" || return 1
    ATLAS_TOKEN=$'tok\r\nX-Evil: 1' run --separate-stderr atlas migrate ls --dir atlas://app; [ "$status" -eq 1 ]; has "$stderr" "holds a line break"
    ATLAS_TOKEN=$'aci_test_token\n' run atlas migrate ls --dir atlas://app; [ "$status" -eq 0 ]
    run --separate-stderr atlas registry serve --store "file://$DIR/x" --listen 127.0.0.1:99999; [ "$status" -eq 1 ]; has "$stderr" "no number up to 65535"
}
