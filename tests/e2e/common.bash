# Loaded by every test file: a fresh directory and home per test, the program under test, helpers.
common_setup() {
    export DIR=$BATS_TEST_TMPDIR HOME=$BATS_TEST_TMPDIR/home TMPDIR=$BATS_TEST_TMPDIR
    export NO_COLOR=1 AWS_EC2_METADATA_DISABLED=true GCE_METADATA_HOST=127.0.0.1:1
    mkdir -p "$HOME" && cd "$DIR" || return 1
    unset ATLAS_TOKEN ATLAS_CLOUD_URL ATLAS_ACTION
    PATH="$SUITE_RECORD/bin:$ATLAS_BUILD:$PATH" # the programs behind tests/support/record
    . "$ATLAS_ROOT/tests/servers/lib.sh"
}

secret() { printf '%s\n' "$@" >> "$SUITE_RECORD/secrets"; } # VALUE...: must not be in any output of the suite

common_teardown() { stop_pid "$DIR/serve.pid"; local p; for p in "$DIR"/*.pid; do [ -e "$p" ] && stop_pid "$p"; done; true; }

migrations() { # N: a directory with N files of two statements each, hashed
    mkdir -p migrations
    local i v
    for i in $(seq "$1"); do
        v=$(printf '202601%02d000000' "$i")
        printf 'CREATE TABLE t%d (id integer primary key, name text);\nINSERT INTO t%d (name) VALUES (%s);\n' \
            "$i" "$i" "'it''s; $i'" > "migrations/${v}_step$i.sql"
    done
    atlas migrate hash
}

serve() { # [ARGS...]: a registry on $DIR/registry; sets REGISTRY (its URL without /query)
    atlas registry serve --store "file://$DIR/registry" --listen 127.0.0.1:0 "$@" > serve.log 2>&1 3>&- &
    echo $! > serve.pid
    local i
    for i in $(seq 200); do grep -q '^serving' serve.log && break; sleep 0.05; done
    REGISTRY=$(sed -nE 's/.* at (http:[^ ]*)\/query/\1/p' serve.log)
    [ -n "$REGISTRY" ] || { cat serve.log; return 1; }
    export ATLAS_CLOUD_URL=$REGISTRY/query ATLAS_TOKEN=aci_test_token
}

stop_serving() { stop_pid serve.pid; }

tables() { sqlite3 "$1" "select group_concat(name, ' ') from (select name from sqlite_master where type='table' and name not like 'atlas%' and name not like 'sqlite%' order by name)"; }

use_swift() { export AWS_ACCESS_KEY_ID=$SWIFT_KEY AWS_SECRET_ACCESS_KEY=$SWIFT_SECRET; }
use_rgw() { export AWS_ACCESS_KEY_ID=$RGW_KEY AWS_SECRET_ACCESS_KEY=$RGW_SECRET; }
bucket() { echo "s3://lab/$BATS_SUITE_TEST_NUMBER-$RANDOM?endpoint=$1"; } # a fresh prefix on a server

has() { # TEXT PART...: TEXT contains each PART
    local text=$1 part; shift
    for part in "$@"; do [[ $text == *"$part"* ]] || { echo "missing: $part"; echo "in: $text"; return 1; }; done
}
lacks() { [[ $1 != *"$2"* ]] || { echo "must not contain: $2"; echo "in: $1"; return 1; }; }
equal() { [ "$1" = "$2" ] || { echo "got:  $1"; echo "want: $2"; return 1; }; }

project() { # [url=URL] BACKUP...: atlas.hcl with env ci (pushes migrations/) and prod (applies atlas://app to app.db)
    local url= list= b e
    [[ $1 != url=* ]] || { url="url = \"${1#url=}\""; shift; }
    for b; do list+="\"$b\", "; done
    for e in ci=file://migrations prod=atlas://app; do
        cat <<H
env "${e%%=*}" {
  url = "sqlite://app.db"
  migration {
    dir = "${e#*=}"
    repo {
      name   = "app"
      $url
      backup = [${list%, }]
    }
  }
}
H
    done > atlas.hcl
}

start_tool() { # NAME COMMAND ARGS...: a server of tests/servers; its port is in $PORT
    local i name=$1; shift
    rm -f "$DIR/$name.port"
    "$ATLAS_ROOT/tests/servers/$1" "${@:2}" 3>&- > "$DIR/$name.out" 2>&1 &
    echo $! > "$DIR/$name.pid"
    for i in $(seq 200); do [ -s "$DIR/$name.port" ] && break; sleep 0.02; done
    PORT=$(cat "$DIR/$name.port")
}
cloud() { # MODE [N]: tests/servers/cloud as the registry, requests in cloud.log
    : > cloud.log
    start_tool cloud cloud "$DIR/cloud.port" "$DIR/cloud.log" "$@"
    export ATLAS_CLOUD_URL=http://127.0.0.1:$PORT/ ATLAS_TOKEN=aci_test_token
}
proxy() { # TARGET_PORT MODE [N]: sets PROXY, requests in proxy.log
    : > proxy.log
    [ ! -f proxy.pid ] || stop_pid proxy.pid
    start_tool proxy proxy "$DIR/proxy.port" "$1" "$2" "${3:-0}" "$DIR/proxy.log"
    PROXY=http://127.0.0.1:$PORT
}
port_of() { sed -E 's/.*:([0-9]+).*/\1/' <<< "$1"; }

authority() { # NAME HOST...: NAME.crt of a CA, and HOST.pem (certificate and key) of each host
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt" 2> /dev/null
    local ca=$1 host; shift
    for host; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$host" -keyout "$host.key" -out "$host.csr" 2> /dev/null
        if [[ $host == [0-9]* ]]; then echo "subjectAltName=IP:$host"; else echo "subjectAltName=DNS:$host"; fi > "$host.ext"
        openssl x509 -req -in "$host.csr" -CA "$ca.crt" -CAkey "$ca.key" -CAcreateserial -days 1 -extfile "$host.ext" -out "$host.crt" 2> /dev/null
        cat "$host.crt" "$host.key" > "$host.pem"
    done
}
tls() { # TARGET_PORT PEM [MAX_VERSION]: tests/servers/tls; sets PORT
    [ ! -f tls.pid ] || stop_pid tls.pid
    start_tool tls tls "$DIR/tls.port" "$@"
}
